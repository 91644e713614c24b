// @ts-check
/** The page of the check before joining: `…/preflight#token=<join token>`. */

import { SfuError } from './errors.js';
import { checkCamera, checkMicrophone, playTone, preflight } from './preflight.js';

/** @import { Reach, Report, Verdict } from './preflight.js' */
/** @import { Measured } from './preflight-media.js' */

/** @typedef {'waiting' | 'busy' | 'good' | 'doubtful' | 'bad'} State */

// In the fragment, which no server's log gets to see.
const token = new URLSearchParams(location.hash.slice(1)).get('token') ?? undefined;
const start = /** @type {HTMLButtonElement} */ (box('start'));
const preview = /** @type {HTMLVideoElement} */ (box('preview'));
const meter = /** @type {HTMLMeterElement} */ (box('level'));

/** @type {Record<string, string>} */
const WHY = {
  device_denied: 'Refused: allow it in the browser’s address bar and check again',
  device_missing: 'None was found: is it plugged in?',
  device_busy: 'In use by another program, or broken',
  gesture_missing: 'The browser allows no sound yet: click in the page and check again',
  unauthorized: 'This check needs the link of your invitation: it has your ticket in it.',
  token_expired: 'The ticket in this link has expired.',
  overloaded: 'Many people are checking now. Try again in half a minute.',
  rate_limited: 'That was often. Try again in a minute.',
  connection_failed: 'The server could not be reached at all.',
  not_found: 'This server offers no checks.',
};
/** @type {Record<Verdict, string>} */
const VERDICT = { good: 'Works well', reduced: 'Reduced', no: 'Will not work' };
/** What is to be said of the way that media takes. */
const BY = {
  udp: '',
  tcp: ' Media goes over TCP, as this network lets no UDP through: pictures may falter.',
  relay: ' Media goes by a relay, as this network lets nothing else through.',
};

let connection = '';

start.addEventListener('click', async () => {
  start.disabled = true;
  box('problem').hidden = true;
  // The devices first: what their drivers cost must not spoil what is measured.
  await check('camera', camera);
  await check('microphone', microphone);
  await way();
  await check('speaker', speaker);
  summarize();
  start.disabled = false;
  start.textContent = 'Check again';
});

async function camera() {
  const found = await checkCamera({
    show: (stream) => {
      preview.srcObject = stream;
      preview.hidden = false;
      preview.play().catch(() => {});
    },
  }).finally(() => { preview.hidden = true; });
  const size = `${found.label || 'Camera'}, ${found.width}×${found.height}`;
  if (found.dark) show('camera', 'doubtful', `${size}: the picture is dark. Is the lens covered?`);
  else show('camera', 'good', size);
}

async function microphone() {
  show('microphone', 'busy', 'Say something …');
  meter.hidden = false;
  const found = await checkMicrophone({ level: (level) => { meter.value = level; } })
    .finally(() => { meter.hidden = true; });
  const name = found.label || 'Microphone';
  if (found.heard) show('microphone', 'good', name);
  else show('microphone', 'doubtful', `${name}: nothing was heard. Is it muted?`);
}

async function speaker() {
  show('speaker', 'busy', 'Playing two tones …');
  await playTone();
  const question = box('heard');
  question.hidden = false;
  show('speaker', 'doubtful', 'Played');
}

box('heard').addEventListener('click', (event) => {
  const answer = event.target instanceof HTMLElement ? event.target.dataset.heard : undefined;
  if (answer === 'again') playTone().catch(() => {});
  else if (answer === 'yes') show('speaker', 'good', 'Heard');
  else if (answer === 'no') show('speaker', 'bad', 'Not heard: choose another one in the system’s settings');
  if (answer === 'yes' || answer === 'no') box('heard').hidden = true;
  summarize();
});

async function way() {
  for (const each of ['udp', 'tcp', 'relay']) show(each, 'busy', 'Trying …');
  box('summary').textContent = 'Measuring …';
  try {
    const report = await preflight(new URL('.', document.baseURI), {
      token,
      progress: (step, detail) => {
        if (step === 'media') figures(/** @type {Measured} */ (detail));
        else reach(step, /** @type {Reach} */ (detail));
      },
    });
    // For tests, and for whoever looks at the page's console.
    Object.assign(window, { report });
    judge(report);
  } catch (error) {
    for (const each of ['udp', 'tcp', 'relay']) show(each, 'bad', 'Not checked');
    box('problem').textContent = reason(error);
    box('problem').hidden = false;
    connection = 'The way to the server could not be checked.';
  }
  summarize();
}

/**
 * @param {string} step
 * @param {Reach} found
 */
function reach(step, { reached, milliseconds, reason: why }) {
  if (reached) show(step, 'good', `Reached in ${milliseconds} ms`);
  else if (why === 'not_offered') show(step, 'waiting', 'Not offered by this server');
  else show(step, step === 'udp' ? 'doubtful' : 'bad', 'Not reached');
}

/** @param {Measured} now */
function figures({ roundTrip, up, down }) {
  box('media').hidden = false;
  box('round-trip').textContent = `${roundTrip} ms`;
  box('down').textContent = rate(down);
  box('up').textContent = rate(up);
  box('loss').textContent = `${percent(down.loss)}, ${percent(up.loss)}`;
  box('jitter').textContent = `${Math.round(down.jitter)} ms, ${Math.round(up.jitter)} ms`;
}

/** @param {Report} report */
function judge({ over, verdicts }) {
  const body = /** @type {HTMLElement} */ (document.querySelector('#verdicts tbody'));
  body.replaceChildren(...verdicts.map(({ name, watch, present }) => {
    const row = document.createElement('tr');
    const title = document.createElement('th');
    title.scope = 'row';
    title.textContent = name[0].toUpperCase() + name.slice(1);
    row.append(title, cell(watch), cell(present));
    return row;
  }));
  box('verdicts').hidden = verdicts.length === 0;
  if (over === null) {
    connection = 'No media reaches this server from here: ask for another network.';
    return;
  }
  const all = verdicts.every(({ watch, present }) => watch === 'good' && present === 'good');
  const some = verdicts.some(({ watch }) => watch !== 'no');
  const ready = all ? 'Your connection is ready for every kind of call.'
    : some ? 'Your connection is ready for the calls below that work.'
      : 'This connection is too weak for any call.';
  connection = `${ready}${BY[over]}`;
}

/** What is said of the connection, and which devices want a look besides. */
function summarize() {
  const wanting = ['camera', 'microphone', 'speaker'].filter((id) => (
    box(id).dataset.state === 'bad' || (id === 'microphone' && box(id).dataset.state === 'doubtful')
  )).map((id) => `your ${id}`);
  const devices = wanting.length === 0 ? ''
    : ` But see to ${new Intl.ListFormat('en').format(wanting)}: above it says what to do.`;
  box('summary').textContent = `${connection}${devices}`;
}

/** @param {Verdict} verdict */
function cell(verdict) {
  const found = document.createElement('td');
  found.dataset.verdict = verdict;
  found.textContent = VERDICT[verdict];
  return found;
}

/**
 * @param {string} id
 * @param {() => Promise<void>} work
 */
async function check(id, work) {
  show(id, 'busy', 'Checking …');
  try {
    await work();
  } catch (error) {
    show(id, 'bad', reason(error));
  }
}

/**
 * @param {string} id
 * @param {State} state
 * @param {string} found
 */
function show(id, state, found) {
  box(id).dataset.state = state;
  /** @type {HTMLElement} */ (box(id).querySelector('.found')).textContent = found;
}

/** @param {unknown} error */
function reason(error) {
  const code = error instanceof SfuError ? error.code : '';
  return WHY[code] ?? (error instanceof Error ? error.message : String(error));
}

/** @param {{bandwidth: number, capped: boolean}} direction */
function rate({ bandwidth, capped }) {
  return `${capped ? 'at least ' : ''}${(bandwidth / 1e6).toFixed(1)} Mbit/s`;
}

/** @param {number} part */
function percent(part) {
  return `${(100 * part).toFixed(part > 0 && part < 0.1 ? 1 : 0)} %`;
}

/**
 * @param {string} id
 * @returns {HTMLElement}
 */
function box(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}
