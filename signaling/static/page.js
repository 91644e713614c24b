// @ts-check
/** The demo page: a thin user of sfu-client.js. */

import { SfuClient } from './sfu-client.js';
import { Stage } from './stage.js';
import { failure, picture, rate, removal, shortfall, waiting } from './words.js';

/** @typedef {import('./types.js').Source} Source */
/** @typedef {import('./stage.js').Face} Face */

/**
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
function element(id, type) {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`index.html lacks #${id}`);
  return found;
}

/** @param {string} id */
const button = (id) => element(id, HTMLButtonElement);
/** @param {string} id */
const box = (id) => element(id, HTMLElement);

const wanted = new URLSearchParams(location.search);
const form = element('join', HTMLFormElement);
const quality = element('quality', HTMLSelectElement);
const stage = new Stage(box('stage'));
/** What the server said of each slot's picture. @type {Map<string, {reason?: string}>} */
const told = new Map();
let client = new SfuClient();
let presenterLayout = false;

/* Joining and leaving */

/** @param {Record<string, string | undefined>} who */
async function enter(who) {
  client = new SfuClient();
  // For tests, and for whoever looks at the page's console.
  Object.assign(window, { sfu: client });
  listen(client);
  await client.connect(new URL('v1/signal', document.baseURI));
  const answer = await client.join(/** @type {import('./types.js').Join} */ (who));
  document.body.dataset.view = 'call';
  document.title = `${who.room} · Open SFU`;
  box('room-name').textContent = who.room ?? '';
  if (answer.status === 'waiting') {
    notice(waiting(answer.reason, answer.position), { key: 'waiting', stay: true });
  }
  render();
  for (const source of (wanted.get('publish') ?? '').split(',')) {
    if (source) await toggle(/** @type {Source} */ (source));
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
  on('joined', () => {
    dismiss('waiting');
    applyQuality();
    render();
  });
  for (const type of ['slots', 'participant', 'stream', 'local', 'state', 'mode']) on(type, render);
  on('waiting', ({ count }) => count && notice(`${count} waiting to come in`, { key: 'queue' }));
  on('speaker', ({ participant }) => { stage.speaker = participant; });
  on('quality', ({ slots }) => {
    for (const [slot, now] of Object.entries(slots)) told.set(slot, now);
  });
  on('muted', ({ source, by }) => {
    const who = client.participants.get(by)?.name ?? 'Somebody';
    if (by !== client.participant?.id) notice(`${who} muted your ${source}.`, { key: 'muted' });
    render();
  });
  on('connection', ({ connection }) => {
    const what = connection === 'publish' ? 'What you send' : 'What you receive';
    notice(`${what} was interrupted; connecting again.`, { key: connection, bad: true });
  });
  on('draining', () => notice('The server is about to stop.', { key: 'draining', stay: true }));
  on('error', (error) => notice(failure(error), { bad: true }));
  on('removed', ({ reason }) => goodbye(removal(reason)));
  on('ended', () => goodbye('The event has ended.'));
  on('closed', ({ code }) => goodbye(code === 1000 ? '' : failure({ code: 'connection_closed' })));
}

/** @param {string} words why one is back at the form; empty if by one's own will */
function goodbye(words) {
  if (document.body.dataset.view === 'welcome') return;
  document.body.dataset.view = 'welcome';
  document.title = 'Open SFU';
  stage.show(new Map());
  box('notices').replaceChildren();
  told.clear();
  complain(words);
}

/** @param {string} words */
function complain(words) {
  box('join-error').textContent = words;
  box('join-error').hidden = words === '';
}

/* What is on the stage */

function render() {
  const { participant, room, state } = client;
  const joined = state.session === 'joined';
  stage.show(faces());
  const role = participant?.role ?? '';
  box('role').textContent = role;
  box('role').hidden = role === '';
  const seats = [...client.slots].filter(([slot]) => slot !== 'screen');
  const taken = seats.filter(([, holder]) => holder !== null).length;
  box('seats').textContent = `${taken} of ${seats.length} seats`;
  box('people').textContent = String(Object.values(room.counts ?? {}).reduce((sum, count) => sum + count, 0));
  renderConnection(state);
  renderControls(joined && mayPublish());
  const empty = box('empty');
  empty.hidden = client.streams.size > 0 && [...client.slots.values()].some(Boolean);
  const words = joined ? 'Nobody is on the stage yet.' : 'You are in the waiting room.';
  /** @type {HTMLElement} */ (empty.querySelector('p')).textContent = words;
}

/** @returns {Map<string, Face>} */
function faces() {
  const all = new Map();
  for (const [slot, holder] of client.slots) {
    if (holder === null) continue;
    const own = holder.participant === client.participant?.id;
    const screen = slot === 'screen';
    const entry = own ? client.participant : client.participants.get(holder.participant);
    all.set(slot, {
      participant: holder.participant,
      name: entry?.name || entry?.identity || 'Guest',
      own,
      screen,
      pictured: own ? client.track(screen ? 'screen' : 'camera') !== null
        : Boolean(screen ? holder.screen : holder.camera),
      silent: !screen && !holder.microphone,
      stream: own ? preview(screen ? 'screen' : 'camera') : client.streams.get(slot) ?? null,
    });
  }
  return all;
}

/** @type {Map<Source, MediaStream>} */
const previews = new Map();

/** @param {Source} source */
function preview(source) {
  const track = client.track(source);
  if (track === null) return null;
  const last = previews.get(source);
  if (last?.getVideoTracks()[0] === track) return last;
  const stream = new MediaStream([track]);
  previews.set(source, stream);
  return stream;
}

/** @param {SfuClient['state']} state */
function renderConnection({ session, publish, receive }) {
  const halves = [publish, receive];
  const lost = halves.some((half) => half === 'failed' || half === 'disconnected');
  const up = session === 'joined' && receive === 'connected' && publish !== 'connecting';
  const chip = box('connection');
  chip.dataset.state = lost ? 'failed' : up ? 'connected' : 'connecting';
  const words = lost ? 'Media lost' : up ? 'Connected' : session === 'waiting' ? 'Waiting' : 'Connecting';
  /** @type {HTMLElement} */ (chip.querySelector('span')).textContent = words;
}

async function showFacts() {
  if (client.state.session !== 'joined') return;
  const [received, sent] = await Promise.all([client.stats(), client.publishStats()]);
  for (const [slot, holder] of client.slots) {
    if (holder === null) continue;
    const screen = slot === 'screen';
    if (holder.participant === client.participant?.id) {
      const layers = (sent.get(screen ? 'screen' : 'camera') ?? []).filter(({ fps }) => fps > 0);
      const top = layers[layers.length - 1];
      const total = layers.reduce((sum, { bitrate }) => sum + bitrate, 0);
      const count = layers.length > 1 ? `${layers.length} layers · ` : '';
      stage.facts(slot, top ? `↑ ${count}${picture(top, total)}` : '');
      continue;
    }
    const now = received.get(slot);
    const pictured = screen ? holder.screen : holder.camera;
    if (now && pictured && now.width > 0) {
      stage.facts(slot, picture(now, now.videoBitrate), shortfall(told.get(slot)?.reason));
    } else {
      stage.facts(slot, now && now.audioBitrate > 0 ? rate(now.audioBitrate) : '');
    }
  }
}

/* What the person looks at */

/** @type {string} */ let lastView = '';

function applyQuality() {
  lastView = '';
  askForView();
}

/** Asks for the layer that each tile can show, or for what the person chose. */
function askForView() {
  if (client.state.session !== 'joined' || quality.value === 'none') return;
  const heights = stage.heights();
  /** @type {Record<string, 'off' | {max_height: number}>} */
  const slots = {};
  for (const slot of client.slots.keys()) {
    if (quality.value === 'off') slots[slot] = 'off';
    else if (quality.value !== 'auto') slots[slot] = { max_height: Number(quality.value) };
    else if (heights.get(slot)) slots[slot] = { max_height: layerFor(slot, heights.get(slot) ?? 0) };
  }
  const text = JSON.stringify(slots);
  if (text === lastView || text === '{}') return;
  lastView = text;
  client.view({ slots }).catch((error) => notice(failure(error), { bad: true }));
}

/**
 * @param {string} slot
 * @param {number} height of the tile, device pixels
 */
function layerFor(slot, height) {
  if (slot === 'screen') return 1080;
  // A picture may be stretched a little before the next layer is worth its bits.
  return [180, 360].find((layer) => height <= layer * 1.25) ?? 720;
}

/* Controls */

/** @returns {boolean} */
function mayPublish() {
  const { participant, room } = client;
  if (participant === null) return false;
  return typeof participant.seat === 'number' || room.mode === 'meeting';
}

/** @param {boolean} allowed */
function renderControls(allowed) {
  const microphone = client.track('microphone') !== null && !client.isMuted('microphone');
  const camera = client.track('camera') !== null;
  const screen = client.track('screen') !== null;
  draw('microphone', microphone, microphone ? 'Mute' : 'Mic', microphone ? 'mic' : 'mic-off', allowed);
  draw('camera', camera, camera ? 'Stop camera' : 'Camera', camera ? 'camera' : 'camera-off', allowed);
  draw('screen', screen, screen ? 'Stop share' : 'Share', 'screen', allowed);
  draw('layout', presenterLayout, presenterLayout ? 'Gallery' : 'Presenter', presenterLayout ? 'grid' : 'focus', true);
}

/**
 * @param {string} id
 * @param {boolean} on
 * @param {string} label
 * @param {string} icon
 * @param {boolean} allowed
 */
function draw(id, on, label, icon, allowed) {
  const control = button(id);
  control.setAttribute('aria-pressed', String(on));
  control.disabled = !allowed;
  control.title = allowed ? '' : 'Needs a seat on the stage';
  /** @type {HTMLElement} */ (control.querySelector('span')).textContent = label;
  control.querySelector('use')?.setAttribute('href', `#i-${icon}`);
}

/** @param {Source} source */
async function toggle(source) {
  const codec = wanted.get('codec') ?? undefined;
  if (source === 'microphone' && client.track(source) !== null) {
    await client.mute(source, !client.isMuted(source));
  } else if (client.track(source) !== null) {
    await client.unpublish(source);
  } else if (source === 'microphone') {
    await client.publishMicrophone();
  } else if (source === 'camera') {
    await client.publishCamera({ codec, simulcast: wanted.get('simulcast') !== '0', quality: client.room.video });
  } else {
    await client.publishScreen({ codec, maxBitrate: client.profiles.upload?.screen });
  }
  render();
}

/**
 * Runs what a button does: busy meanwhile, told about when it fails.
 *
 * @param {HTMLButtonElement} control
 * @param {() => Promise<void>} act
 */
function pressed(control, act) {
  control.addEventListener('click', async () => {
    if (control.getAttribute('aria-busy') === 'true') return;
    control.setAttribute('aria-busy', 'true');
    try {
      await act();
    } catch (error) {
      notice(failure(error), { bad: true });
    } finally {
      control.removeAttribute('aria-busy');
    }
  });
}

/* Notices */

/**
 * @param {string} words
 * @param {{key?: string, bad?: boolean, stay?: boolean, action?: [string, () => void]}} [how]
 */
function notice(words, { key = words, bad = false, stay = false, action } = {}) {
  dismiss(key);
  const line = document.createElement('div');
  line.className = bad ? 'notice bad' : 'notice';
  line.dataset.key = key;
  const text = document.createElement('span');
  text.textContent = words;
  const close = document.createElement('button');
  close.textContent = action?.[0] ?? 'Close';
  close.addEventListener('click', () => {
    line.remove();
    action?.[1]();
  });
  line.append(text, close);
  box('notices').append(line);
  if (!stay && !action) setTimeout(() => line.remove(), 8000);
}

/** @param {string} key */
function dismiss(key) {
  for (const line of box('notices').querySelectorAll('.notice')) {
    if (line instanceof HTMLElement && line.dataset.key === key) line.remove();
  }
}

/* Wiring */

for (const source of /** @type {Source[]} */ (['microphone', 'camera', 'screen'])) {
  pressed(button(source), () => toggle(source));
}
pressed(button('leave'), () => client.leave());
button('layout').addEventListener('click', () => {
  presenterLayout = !presenterLayout;
  stage.presenter = presenterLayout;
  render();
});
quality.addEventListener('change', applyQuality);
stage.addEventListener('blocked', () => {
  const action = /** @type {[string, () => void]} */ (['Turn sound on', () => stage.unblock()]);
  notice('The sound is off.', { key: 'sound', action });
});
/** @type {ReturnType<typeof setTimeout> | undefined} */ let settling;
stage.addEventListener('resized', () => {
  clearTimeout(settling);
  settling = setTimeout(askForView, 250);
});
setInterval(showFacts, 1000);

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const fields = new FormData(form);
  const submit = /** @type {HTMLButtonElement} */ (form.querySelector('button'));
  submit.disabled = true;
  complain('');
  try {
    await enter({
      room: String(fields.get('room')),
      name: String(fields.get('name')).trim() || undefined,
      role: wanted.has('token') ? undefined : String(fields.get('role')),
      token: wanted.get('token') ?? undefined,
      password: wanted.get('password') ?? undefined,
      tenant: wanted.get('tenant') ?? undefined,
    });
  } catch (error) {
    complain(failure(error));
  } finally {
    submit.disabled = false;
  }
});

for (const id of ['room', 'name']) {
  const value = wanted.get(id);
  if (value !== null) element(id, HTMLInputElement).value = value;
}
for (const choice of form.querySelectorAll('input[name=role]')) {
  if (choice instanceof HTMLInputElement && choice.value === wanted.get('role')) choice.checked = true;
}
const asked = wanted.get('quality');
if (asked === 'none') quality.add(new Option('Default', 'none'));
if (asked !== null) quality.value = asked;
if (wanted.get('autojoin') === '1') form.requestSubmit();
