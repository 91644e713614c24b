// @ts-check
/** The demo page: a thin user of sfu-client.js. */

import { Chat } from './chat.js';
import { Devices } from './devices.js';
import { box, button, element } from './elements.js';
import { EventPage } from './event-page.js';
import { Looking } from './looking.js';
import { complain, dismiss, notice, pressed } from './notices.js';
import { badge, Panel } from './panel.js';
import { People } from './people.js';
import { Record as EventRecord } from './record.js';
import { SfuClient } from './sfu-client.js';
import { Stage } from './stage.js';
import { Statuses } from './statuses.js';
import { failure, modeNotice, removal, tooMuch, waiting, weakLink } from './words.js';

/** @typedef {import('./types.js').Source} Source */

const wanted = new URLSearchParams(location.search);
const form = element('join', HTMLFormElement);
let client = new SfuClient();
const current = () => client;
/** Milliseconds; a socket that is back before is nobody's concern. */
const OUT_OF_REACH = 2500;
/** Milliseconds after which somebody is told that the first one has not opened yet. */
const SLOW_TO_OPEN = 1500;

const stage = new Stage(box('stage'));
const looking = new Looking(current, stage);
const devices = new Devices(current, {
  codec: wanted.get('codec') ?? undefined,
  simulcast: wanted.get('simulcast') !== '0',
});
const statuses = new Statuses(current);
const panel = new Panel();
const people = new People(current, confirm);
const chat = new Chat(current, () => panel.page === 'chat');
const eventPage = new EventPage(current, confirm);
const record = new EventRecord(current);

/* Joining and leaving */

/** @param {Record<string, string | undefined>} who */
async function enter(who) {
  const session = new SfuClient();
  client = session;
  // For tests, and for whoever looks at the page's console.
  Object.assign(window, { sfu: client });
  listen(client);
  const slow = setTimeout(() => excuse('The server is out of reach. Still trying …'), SLOW_TO_OPEN);
  try {
    await client.connect(new URL('v1/signal', document.baseURI));
  } finally {
    clearTimeout(slow);
  }
  excuse('');
  try {
    await client.join(/** @type {import('./types.js').Join} */ (who));
  } catch (error) {
    await session.leave().catch(() => {});
    throw error;
  }
  document.title = `${who.room} · Open SFU`;
  box('room-name').textContent = who.room ?? '';
  box('waiting-room').textContent = who.room ?? '';
  render();
}

/** In at last, at once or after waiting. */
async function onJoined() {
  chat.clear();
  record.begin();
  looking.askAgain();
  render();
  for (const source of (wanted.get('publish') ?? '').split(',')) {
    if (source) await devices.toggle(/** @type {Source} */ (source)).catch(complain);
  }
}

/** @param {SfuClient} session */
function listen(session) {
  /**
   * @param {string} type
   * @param {(detail: any) => void} act
   */
  const on = (type, act) => session.addEventListener(type, (event) => {
    if (session === client) act(/** @type {CustomEvent} */ (event).detail);
  });
  on('joined', onJoined);
  on('resumed', ({ resumed }) => {
    looking.askAgain();
    if (!resumed) dismiss('draining');
  });
  for (const type of ['participant', 'waiting', 'mode', 'locked', 'started', 'nearly_full', 'muted']) {
    on(type, (frame) => record.note(frame));
  }
  for (const type of [
    'slots', 'participant', 'stream', 'local', 'state', 'mode', 'locked', 'started', 'room',
    'waiting', 'queue', 'muted', 'resumed',
  ]) on(type, render);
  listenToNews(on);
  for (const type of ['joined', 'resumed']) {
    on(type, ({ speaker }) => { stage.speaker = speaker ?? null; });
  }
  on('speaker', ({ participant }) => { stage.speaker = participant; });
  on('congestion', ({ available, wanted: most }) => {
    scarce = available < most ? weakLink(available, most) : '';
    render();
  });
  on('quality', ({ slots }) => looking.tell(slots));
  on('message', (frame) => chat.receive(frame));
  on('removed', ({ reason }) => {
    goodbye(removal(reason, client.state.session === 'waiting'));
  });
  on('ended', () => goodbye('The event has ended.'));
  on('closed', ({ code }) => goodbye(code === 1000 ? '' : failure({ code: 'connection_closed' })));
}

/** @param {(type: string, act: (detail: any) => void) => void} on */
function listenToNews(on) {
  on('muted', ({ source, by }) => {
    notice(`${record.who(by)} muted your ${source}.`, { key: 'muted' });
  });
  on('upload', ({ budget, sending, over, held }) => {
    if (over) notice(tooMuch(budget, sending, held), { key: 'upload' });
  });
  on('mode', ({ mode, by }) => {
    if (by !== client.participant?.id) notice(modeNotice(mode), { key: 'mode' });
  });
  on('locked', ({ locked, by }) => {
    if (by === client.participant?.id || !client.presents) return;
    notice(`${record.who(by)} ${locked ? 'locked' : 'unlocked'} the room.`, { key: 'locked' });
  });
  on('started', () => notice('The event has begun.', { key: 'started' }));
  on('nearly_full', ({ people: here, places }) => {
    notice(`The room is nearly full: ${here} of ${places} places are taken.`, { key: 'full' });
  });
  on('connection', ({ connection }) => {
    const what = connection === 'publish' ? 'What you send' : 'What you receive';
    notice(`${what} was interrupted; connecting again.`, { key: connection, bad: true });
  });
  on('draining', () => notice('The server is about to stop.', { key: 'draining', stay: true }));
  on('error', complain);
}

/** @param {string} words why one is back at the form; empty if by one's own will */
function goodbye(words) {
  if (document.body.dataset.view === 'welcome') return;
  // What the old session still has to say is of no interest.
  client = new SfuClient();
  show('welcome');
  document.title = 'Open SFU';
  looking.clear();
  panel.show(null);
  answer(false);
  seated = undefined;
  scarce = '';
  tellReach();
  box('notices').replaceChildren();
  excuse(words);
}

/** @param {string} words */
function excuse(words) {
  box('join-error').textContent = words;
  box('join-error').hidden = words === '';
}

/* Drawing */

/** @param {'welcome' | 'waiting' | 'call'} view */
function show(view) {
  if (document.body.dataset.view === view) return;
  document.body.dataset.view = view;
  // Who hears the page is told where they are, and the tabulator goes on from there.
  /** @type {HTMLElement} */ (box(view).querySelector('h1')).focus();
}

function render() {
  const { session } = client.state;
  if (session === 'waiting') renderWaiting();
  tellReach();
  if (session !== 'joined' && session !== 'resuming') return;
  show('call');
  looking.draw();
  devices.draw();
  statuses.draw();
  eventPage.draw();
  renderPanel();
  renderHead();
  tellSeat();
}

function renderWaiting() {
  show('waiting');
  const { position, reason } = client.queue ?? {};
  box('waiting-why').textContent = waiting(reason);
  const place = box('waiting-place');
  place.hidden = !position;
  const [number, words] = place.children;
  number.textContent = String(position ?? '');
  words.textContent = position === 1 ? 'You are next in the line.' : 'Your place in the line.';
}

function renderHead() {
  const { participant, room, state } = client;
  box('role').textContent = participant?.role ?? '';
  const seats = [...client.slots].filter(([slot]) => slot !== 'screen');
  const taken = seats.filter(([, holder]) => holder !== null).length;
  const all = room.mode === 'meeting' ? '' : ` of ${1 + (room.limits?.presenters ?? seats.length - 1)} seats`;
  box('seats').textContent = all ? `${taken}${all}` : `${taken} on the stage`;
  const counts = /** @type {number[]} */ (Object.values(room.counts ?? {}));
  box('people').textContent = String(counts.reduce((sum, count) => sum + count, 0));
  renderConnection(state);
  const empty = box('empty');
  empty.hidden = client.streams.size > 0 && [...client.slots.values()].some(Boolean);
  const apart = room.mode === 'presenters-only' && !client.presents;
  const words = apart ? 'The presenters are among themselves. It goes on in a moment.'
    : 'Nobody is on the stage yet.';
  /** @type {HTMLElement} */ (empty.querySelector('p')).textContent = words;
}

function renderPanel() {
  if (panel.page === 'people') people.draw();
  if (panel.page === 'chat') {
    chat.read();
    chat.draw();
  }
  badge('people', people.calls, 'to look at');
  badge('chat', chat.unread, 'unread');
}

/** Why the own link is weak, empty while it is not. */ let scarce = '';

/** @param {SfuClient['state']} state */
function renderConnection({ session, publish, receive }) {
  const lost = [publish, receive].some((half) => half === 'failed' || half === 'disconnected');
  const up = session === 'joined' && receive === 'connected' && publish !== 'connecting';
  const chip = box('connection');
  chip.dataset.state = lost ? 'failed' : up ? 'connected' : 'connecting';
  if (up && !lost && scarce) chip.dataset.state = 'weak';
  const words = lost ? 'Media lost' : session === 'resuming' ? 'Reconnecting' : !up ? 'Connecting' : scarce ? 'Weak link' : 'Connected';
  chip.title = up && !lost ? scarce : '';
  /** @type {HTMLElement} */ (chip.querySelector('span')).textContent = words;
}

/** Whether one had a seat when last drawn. @type {boolean | undefined} */ let seated;

function tellSeat() {
  if (!client.participant) return;
  const now = typeof client.participant.seat === 'number';
  if (seated !== undefined && seated !== now) {
    const words = now ? 'You have a seat on the stage now: turn on what you like.'
      : 'You are back in the audience. Nothing of you is sent any more.';
    notice(words, { key: 'seat' });
  }
  seated = now;
}

/** Until one is told that the server is out of reach. @type {number | undefined} */ let missing;

function tellReach() {
  if (client.state.session !== 'resuming') {
    clearTimeout(missing);
    missing = undefined;
    dismiss('reach');
    return;
  }
  missing ??= setTimeout(() => {
    dismiss('draining');
    const words = 'The server is out of reach. You come back by yourself as soon as it answers.';
    notice(words, { key: 'reach', bad: true, stay: true });
  }, OUT_OF_REACH);
}

/* Asking before something grave */

/** @type {(yes: boolean) => void} */ let answer = () => {};

/**
 * @param {string} words
 * @param {string} yes what the button says
 * @returns {Promise<boolean>}
 */
function confirm(words, yes) {
  const dialog = element('confirm', HTMLDialogElement);
  box('confirm-words').textContent = words;
  button('confirm-yes').textContent = yes;
  dialog.showModal();
  return new Promise((resolve) => {
    answer = (said) => {
      dialog.close();
      resolve(said);
    };
  });
}

button('confirm-yes').addEventListener('click', () => answer(true));
button('confirm-no').addEventListener('click', () => answer(false));
element('confirm', HTMLDialogElement).addEventListener('cancel', () => answer(false));

/* Wiring */

for (const id of ['leave', 'stop-waiting']) pressed(button(id), () => client.leave());
// Else the seat would be kept for who comes back, and the others look at a picture that stands still.
addEventListener('pagehide', () => client.leave());
panel.addEventListener('shown', render);
chat.addEventListener('unread', renderPanel);
people.addEventListener('write', (event) => {
  panel.show('chat');
  chat.address(/** @type {CustomEvent<string>} */ (event).detail);
});
people.addEventListener('done', (event) => {
  record.add(/** @type {CustomEvent<string>} */ (event).detail);
});
stage.addEventListener('blocked', () => {
  const action = /** @type {[string, () => void]} */ (['Turn sound on', () => stage.unblock()]);
  notice('The sound is off.', { key: 'sound', action });
});

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const fields = new FormData(form);
  const submit = /** @type {HTMLButtonElement} */ (form.querySelector('button'));
  submit.disabled = true;
  excuse('');
  try {
    await enter({
      room: String(fields.get('room')),
      name: String(fields.get('name')).trim() || undefined,
      role: wanted.has('token') ? undefined : String(fields.get('role')),
      token: wanted.get('token') ?? undefined,
      password: String(fields.get('password')) || wanted.get('password') || undefined,
      tenant: wanted.get('tenant') ?? undefined,
    });
  } catch (error) {
    const wrong = /** @type {{code?: string}} */ (error)?.code === 'wrong_password';
    const unsaid = wrong && !fields.get('password') && !wanted.has('password');
    excuse(failure(unsaid ? { code: 'password_missing' } : error));
    if (wrong) {
      box('password-field').hidden = false;
      element('password', HTMLInputElement).focus();
    }
  } finally {
    submit.disabled = false;
  }
});

// An invitation says who one is.
box('roles').hidden = wanted.has('token');
for (const id of ['room', 'name']) {
  const value = wanted.get(id);
  if (value !== null) element(id, HTMLInputElement).value = value;
}
for (const choice of form.querySelectorAll('input[name=role]')) {
  if (choice instanceof HTMLInputElement && choice.value === wanted.get('role')) choice.checked = true;
}
const quality = element('quality', HTMLSelectElement);
const asked = wanted.get('quality');
if (asked === 'none') quality.add(new Option('Default', 'none'));
if (asked !== null) quality.value = asked;
if (wanted.get('autojoin') === '1') form.requestSubmit();
