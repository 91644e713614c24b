"""Who of a room is given which layers: plans, levels on their staircases, and what follows.

Receivers that look at the same things are one group with one plan. Whatever changes, work is
done for the receivers whose pictures change by it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol

from sfu.bandwidth.staircase import NOTHING, Aim, Layer, Staircase
from sfu.events import CongestionChanged, LayersWanted, Notice, QualityChanged
from sfu.forwarder import Forwarder
from sfu.plans import Looked, Plans, looked, own_slots
from sfu.receiver import Descent, Pictures, Receiver, Target
from sfu.room import Room
from sfu.sent import Sent
from sfu.unseen import Missing, Unseen
from sfu.watched import Watched

Targets = dict[Forwarder, list[Target]]
"""What is to be told to each worker."""

REPLAN_EVERY: Final = 0.5
"""Seconds between two plans that differ in measured rates alone."""

PICTURES_EVERY: Final = 1.0

CONGESTED_AFTER: Final = 3.0
"""Seconds for which a path must carry too little, or enough again, to be worth a word."""


FAR_LESS: Final = 0.5
"""Of what a receiver was given: who falls below that is not sent what is left of higher layers."""

NEWS: Final = 0.25
"""By how much what a path carries must have changed to be told again."""


class Shown(Pictures, Protocol):
    """What is on the stage."""

    def pictures(self) -> Mapping[str, Sent]:
        """The visible pictures, by slot."""


class Allocation:
    """Of one room, on all of its workers."""

    def __init__(
        self,
        room: Room,
        shown: Shown,
        notify: Callable[[str, Notice], None],
        show_again: Callable[[int, Forwarder], None],
    ) -> None:
        """`show_again` tells a worker anew of a track."""
        self._room = room
        self._shown = shown
        self._notify = notify
        self._plans = Plans(room, self._layers, self._codecs)
        self._receivers: dict[int, Receiver] = {}
        """By transport."""
        self._groups: dict[Looked, dict[Receiver, None]] = {}
        self._watched = Watched()
        self._unseen = Unseen(show_again)
        self._seen: Mapping[str, Sent] = {}
        """The pictures that were visible when publishers were told what is wanted."""
        self._uncertain: dict[Receiver, float] = {}
        """Whose clients may have to be told of congestion, or its end, and since when."""
        self._stale = False
        """Whether rates have changed since plans were made."""
        self._replan_at = 0.0
        self._pictures_at = 0.0

    # Receivers

    def refresh(self, receivers: Iterable[Receiver], now: float, *, fresh: bool = False) -> None:
        """These look at something else, or have new egresses when they are `fresh`."""
        targets: Targets = defaultdict(list)
        moved: dict[Looked, list[Receiver]] = {}
        for receiver in receivers:
            self._receivers[receiver.transport.id] = receiver
            viewer = self._room.participant(receiver.participant)
            own = own_slots(self._room, viewer)
            looks = looked(viewer.view, own, receiver.codecs)
            if receiver.looked != looks:
                self._leave_group(receiver)
                receiver.looked = looks
                self._groups.setdefault(looks, {})[receiver] = None
            targets[receiver.transport.forwarder] += receiver.aim_audio(own)
            moved.setdefault(looks, []).append(receiver)
        for looks, group in moved.items():
            self._assign(looks, group, targets, now)
            for receiver in group if fresh else ():
                aimed = receiver.aim_video(receiver.video, Descent.AS_IT_WAS)
                targets[receiver.transport.forwarder] += aimed
        self._order(targets)
        self._tell_wanted(now)

    def remove(self, receiver: Receiver, now: float) -> None:
        """It is gone."""
        if self._receivers.pop(receiver.transport.id, None) is not None:
            self._leave_group(receiver)
            self._uncertain.pop(receiver, None)
            for slot, aim in receiver.aims.items():
                self._watched.move(slot, aim.spatial, NOTHING.spatial, now)

    def _leave_group(self, receiver: Receiver) -> None:
        if receiver.looked is not None and (group := self._groups.get(receiver.looked)):
            group.pop(receiver, None)
            if not group:
                del self._groups[receiver.looked]

    # Changes

    def replan(self, now: float) -> None:
        """What is on the stage has changed."""
        self._plans.forget()
        self._replan(now)

    def restage(self, now: float) -> None:
        """The same, and whose slots are whose may have changed."""
        self._plans.forget()
        self.refresh(list(self._receivers.values()), now)
        self._stale = False

    def speak(self, participant: str | None, now: float) -> None:
        """Who speaks now."""
        self._plans.speak(participant)
        self._replan(now)

    def remeasure(self, *, replan: bool) -> None:
        """A track's rates or pictures are others now."""
        self._stale = self._stale or replan
        for receiver in self._receivers.values():
            receiver.news = True

    def watching(self) -> Mapping[int, int]:
        """How many pictures are given, by spatial layer."""
        return self._watched.by_layer()

    def level(self, transports: Sequence[int], now: float) -> None:
        """Paths carry more, or less: these receivers are on another level."""
        by_group: dict[Looked, list[Receiver]] = {}
        for transport in transports:
            receiver = self._receivers.get(transport)
            if receiver is not None and receiver.looked is not None:
                by_group.setdefault(receiver.looked, []).append(receiver)
        targets: Targets = defaultdict(list)
        for group in by_group.values():
            self._aim(group, targets, now, scarce=True)
        self._order(targets)
        self._tell_wanted(now)

    def tick(self, now: float) -> None:
        """What is due by time alone."""
        if self._stale and now >= self._replan_at:
            self._plans.forget()
            self._replan(now)
        if self._uncertain:
            self._tell_congestion(now)
        if now >= self._watched.due:
            self._tell_wanted(now)
        if now >= self._pictures_at:
            self._pictures_at = now + PICTURES_EVERY
            self._tell_wanted(now)
            self._look(now)

    def _look(self, now: float) -> None:
        """At the pictures of all to whom something may have happened."""
        sent = self._shown.pictures()
        missing: dict[Receiver, Missing] = {}
        for receiver in self._receivers.values():
            if not receiver.news:
                continue
            if changed := receiver.take_pictures(self._shown):
                self._notify(receiver.participant, QualityChanged(changed))
            # Where all is told, nothing is missing.
            if receiver.news and (picture := receiver.missing(self._shown, sent)) is not None:
                missing[receiver] = Missing(*picture)
        self._unseen.look(missing, self._receivers.values(), now)

    def _replan(self, now: float) -> None:
        self._stale = False
        self._replan_at = now + REPLAN_EVERY
        targets: Targets = defaultdict(list)
        for looks, group in self._groups.items():
            self._assign(looks, list(group), targets, now)
        self._order(targets)
        self._tell_wanted(now)

    def _layers(self) -> dict[str, tuple[Layer, ...]]:
        return {slot: sent.layers for slot, sent in self._shown.pictures().items()}

    def _codecs(self) -> dict[str, str]:
        shown = self._shown.pictures()
        return {slot: sent.track.media.codec for slot, sent in shown.items()}

    # Levels

    def _assign(
        self, looks: Looked, receivers: Sequence[Receiver], targets: Targets, now: float
    ) -> None:
        plan = self._plans.plan(looks)
        transports: dict[Forwarder, list[int]] = defaultdict(list)
        for receiver in receivers:
            receiver.plan = plan
            transports[receiver.transport.forwarder].append(receiver.transport.id)
        for forwarder, ids in transports.items():
            forwarder.subscribers.assign(ids, plan.staircase)
        self._aim(receivers, targets, now, scarce=False)

    def _aim(
        self, receivers: Sequence[Receiver], targets: Targets, now: float, *, scarce: bool
    ) -> None:
        """Follows the levels of receivers with one plan."""
        differences: dict[tuple[int, int], list[tuple[str, int, int]]] = {}
        for receiver in receivers:
            plan = receiver.plan
            assert plan is not None
            forwarder = receiver.transport.forwarder
            level = forwarder.subscribers.level(receiver.transport.id)
            before, after = receiver.aims, plan.staircase.aims(level or 0)
            descent = Descent.AS_IT_WAS
            if scarce:
                descent = descent_between(plan.staircase, receiver.level, level)
            receiver.level = level
            self._doubt(receiver, now)
            if before is after:
                continue
            # A whole audience goes from few levels to few others.
            key = (id(before), id(after))
            if (changed := differences.get(key)) is None:
                changed = differences[key] = _difference(before, after)
            receiver.aims = after
            for slot, former, latter in changed:
                self._watched.move(slot, former, latter, now)
                forwarder.pauses += latter < 0 <= former
            targets[forwarder] += receiver.aim_video([slot for slot, *_ in changed], descent)

    def _order(self, targets: Targets) -> None:
        for forwarder, aimed in targets.items():
            if aimed:
                forwarder.aim(aimed)

    # What others are told

    def _tell_wanted(self, now: float) -> None:
        """Publishers, of the layers that somebody watches, or nobody any more."""
        seen, self._seen = self._seen, self._shown.pictures()
        for slot, sent in self._seen.items():
            if seen.get(slot) is not sent:
                self._watched.begin(slot, now)
            wanted = self._watched.wanted(slot, sent.wanted, now)
            if wanted != sent.wanted:
                sent.wanted = wanted
                self._notify(sent.track.participant, LayersWanted(sent.track.source, wanted))

    def _doubt(self, receiver: Receiver, now: float) -> None:
        if _is_short(receiver) or receiver.available is not None:
            self._uncertain.setdefault(receiver, now)
        else:
            self._uncertain.pop(receiver, None)

    def _tell_congestion(self, now: float) -> None:
        due = [each for each, since in self._uncertain.items() if now - since >= CONGESTED_AFTER]
        for receiver in due:
            del self._uncertain[receiver]
            standing = receiver.transport.forwarder.subscribers.standing(receiver.transport.id)
            if standing is None:
                continue
            if _is_short(receiver):
                available, told = min(standing.available, standing.wanted), receiver.available
                if told is not None and abs(available - told) < NEWS * told:
                    continue
                receiver.available = available
            elif receiver.available is not None:
                available, receiver.available = standing.wanted, None
            else:
                continue
            self._notify(receiver.participant, CongestionChanged(available, standing.wanted))


def _is_short(receiver: Receiver) -> bool:
    """Whether its path keeps a receiver from the top of its staircase."""
    if receiver.level is None or receiver.plan is None:
        return False
    return receiver.level < receiver.plan.staircase.top


def descent_between(staircase: Staircase, before: int | None, after: int | None) -> Descent:
    """How pictures go down from one level to another."""
    costs = staircase.cumulative
    far = costs[after or 0] < FAR_LESS * costs[before or 0]
    return Descent.AT_ONCE if far else Descent.SLOWED


def _difference(before: Mapping[str, Aim], after: Mapping[str, Aim]) -> list[tuple[str, int, int]]:
    """The slots whose aims differ, and their spatial layers before and after."""
    return [
        (slot, old.spatial, new.spatial)
        for slot in before.keys() | after.keys()
        if (old := before.get(slot, NOTHING)) != (new := after.get(slot, NOTHING))
    ]
