"""Requests that are one command to the room."""

from sfu import commands
from sfu.participant import SlotView, View
from sfu.signaling import messages


def command(request: messages.Order, me: str) -> commands.Command:
    """What the room is asked; `me` is who asks."""
    match request:
        case messages.Unpublish():
            return commands.Unpublish(me, request.source)
        case messages.Mute():
            return commands.Mute(request.participant or me, request.source, request.muted)
        case messages.View():
            return commands.Look(me, _view(request))
        case messages.Status():
            return commands.SetStatus(me, request.value)
        case messages.AppMessage():
            return commands.Send(request.to, request.topic, request.body)
        case messages.Start():
            return commands.Start()
        case messages.End():
            return commands.End()
        case messages.Lock():
            return commands.Lock(True)
        case messages.Unlock():
            return commands.Lock(False)
        case messages.ChangeMode():
            return commands.SetMode(request.mode)
        case messages.Admit():
            return commands.Admit(request.participant)
        case _:
            return _about_somebody(request)


def _about_somebody(
    request: messages.Remove
    | messages.Block
    | messages.Unblock
    | messages.GrantSeat
    | messages.RevokeSeat
    | messages.Allow
    | messages.Promote,
) -> commands.Command:
    match request:
        case messages.Remove():
            return commands.Remove(request.participant, request.ban)
        case messages.Block():
            return commands.Block(request.participant, True)
        case messages.Unblock():
            return commands.Block(request.participant, False)
        case messages.GrantSeat():
            return commands.GrantSeat(request.participant)
        case messages.RevokeSeat():
            return commands.RevokeSeat(request.participant)
        case messages.Allow():
            sources = None if request.sources is None else frozenset(request.sources)
            return commands.Allow(request.participant, sources)
        case messages.Promote():
            return commands.Promote(request.participant)


def _view(request: messages.View) -> View:
    return View(
        slots={
            slot: "off" if view == "off" else SlotView(view.max_height, view.priority)
            for slot, view in request.slots.items()
        },
        layout=request.layout,
        # null unpins, a field left out changes nothing.
        pin=(request.pin or "") if "pin" in request.model_fields_set else None,
        auto_speaker=request.auto_speaker,
    )
