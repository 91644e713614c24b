// The browser client without a browser: how it comes back after a lost socket. Prints what it has
// sent, and what it has told, as JSON.
import { SfuClient } from '../../signaling/static/sfu-client.js';

const soon = () => new Promise((next) => { setImmediate(next); });
/** Lets all that can happen happen. */
async function settled() {
  for (let each = 0; each < 10; each += 1) await soon();
}

/** The server's end of one socket; the call that its address names says what it does. */
class Socket {
  static OPEN = 1;
  static CLOSING = 2;
  static CLOSED = 3;
  readyState = Socket.OPEN;
  sent = [];
  constructor(url) {
    this.call = Call.all.get(new URL(url).hostname);
    this.call.onSocket(this);
  }
  send(data) {
    const { id, ...request } = JSON.parse(data);
    this.sent.push(request);
    const answer = this.call.answer(request, this);
    if (answer !== null && this.readyState === Socket.OPEN) setImmediate(() => this.tell({ type: 'ok', ...answer, id }));
  }
  tell(frame) { this.onmessage?.({ data: JSON.stringify(frame) }); }
  lose() {
    this.readyState = Socket.CLOSED;
    this.onclose?.({ code: 1006, reason: '' });
  }
  close() { this.readyState = Socket.CLOSING; }
}

globalThis.WebSocket = Socket;
const mediaDevices = Object.assign(new EventTarget(), { enumerateDevices: async () => [] });
Object.defineProperty(globalThis, 'navigator', { value: { mediaDevices } });

const IN = {
  status: 'admitted', participant: { id: 'me' }, room: {}, slots: {}, resume: 'r', events: 0,
};
const WAITING = { ...IN, status: 'waiting', reason: 'locked', position: 1 };

/** One client and the sockets it has opened. */
class Call {
  static all = new Map();
  sockets = [];
  told = [];
  client = new SfuClient();
  /** Answers to joins, one after the other; null is none. */ joins = [];
  opens = async () => {};
  constructor(name, ...joins) {
    this.name = name;
    this.joins = joins;
    Call.all.set(name, this);
    for (const type of ['joined', 'resumed', 'closed']) this.note(type);
  }
  note(type) { this.client.addEventListener(type, () => this.told.push(type)); }
  async join() {
    await this.client.connect(`ws://${this.name}/`);
    await this.client.join({ room: 'r' });
  }
  async onSocket(socket) {
    this.sockets.push(socket);
    await soon();
    await this.opens();
    socket.onopen?.();
  }
  answer({ type }) {
    return type === 'join' ? this.joins.shift() : this.others;
  }
  /** Answer to all else; null is none. */ others = {};
  get last() { return this.sockets.at(-1); }
  /** Loses the socket, and waits until the next one is there, and for so many requests on it. */
  async lose(requests) {
    const { length } = this.sockets;
    this.last.lose();
    while (this.sockets.length === length || this.last.sent.length < requests) await soon();
  }
}

/** How many events have come, as a client says that has waited. */
async function waited(name, events) {
  const call = new Call(name, WAITING, { ...IN, resumed: true, events: 4 });
  await call.join();
  call.last.tell({ type: 'queue', reason: 'locked', position: 1 });
  call.last.tell({ ...IN, type: 'admitted', events });
  call.last.tell({ type: 'message', from: 'x', to: 'all', topic: 'chat', body: 1 });
  await call.lose(1);
  return call.last.sent[0].received;
}

/** What came of somebody who left while the next socket was being opened. */
async function leftWhileOpening() {
  const call = new Call('left-opening', IN, { ...IN, resumed: true });
  await call.join();
  const opening = new Promise((begun) => {
    call.opens = () => new Promise((open) => { begun(open); });
  });
  await call.lose(0);
  const open = await opening;
  await call.client.leave();
  open();
  return left(call);
}

/** The same while the answer to the join was awaited, which came all the same. */
async function leftWhileJoining() {
  const call = new Call('left-joining', IN, null);
  await call.join();
  await call.lose(1);
  await call.client.leave();
  call.last.tell({ ...IN, type: 'ok', id: 1, resumed: true });
  return left(call);
}

async function left(call) {
  await settled();
  return {
    sent: call.last.sent.map(({ type }) => type),
    socket: call.last.readyState,
    state: call.client.state.session,
    told: call.told,
  };
}

/** What is told to somebody who was let in while the socket was away, and of devices then. */
async function letInWhileAway() {
  const call = new Call('let-in', WAITING, { ...IN, resumed: true, events: 2 }, {
    ...IN, resumed: true, events: 2,
  });
  call.note('devices');
  await call.join();
  await call.lose(1);
  await settled();
  mediaDevices.dispatchEvent(new Event('devicechange'));
  await settled();
  await call.lose(1);
  await settled();
  return call.told;
}

/** The same of somebody who had to wait because the server was started anew. */
async function letInAgain() {
  const waiting = { ...WAITING, resumed: false };
  const call = new Call('let-in-again', IN, waiting, { ...IN, resumed: true, events: 2 });
  await call.join();
  call.client.publishAgain = async () => { call.told.push('published again'); };
  await call.lose(1);
  await settled();
  await call.lose(1);
  await settled();
  return call.told;
}

/** Does something while timers that are about seconds end at once; gives how long they were. */
async function hurried(act) {
  const { setTimeout: later, setInterval: every } = globalThis;
  const times = [];
  const ticks = [];
  globalThis.setTimeout = (work, time) => {
    times.push(time);
    return later(work, Math.min(time, 5));
  };
  globalThis.setInterval = (work) => { ticks.push(work); };
  try {
    return await act({ times, tick: () => ticks.forEach((work) => work()) });
  } finally {
    Object.assign(globalThis, { setTimeout: later, setInterval: every });
  }
}

/** Whether somebody whose word of how they are is refused keeps the socket. */
async function refusedWord() {
  const call = new Call('refused-word', IN);
  const tick = await hurried(async ({ tick: now }) => { await call.join(); return now; });
  call.others = { type: 'error', code: 'rate_limited', message: '' };
  tick();
  await settled();
  return { asked: call.last.sent.at(-1).type, sockets: call.sockets.length, state: call.client.state.session };
}

/** How one leaves whose network is gone, the server being silent. */
async function leftInSilence() {
  const call = new Call('left-silent', IN);
  await call.join();
  call.others = null;
  return hurried(async ({ times }) => {
    const how = await call.client.leave().then(() => 'ok', ({ code }) => code);
    return { how, longest: Math.max(...times), state: call.client.state.session, told: call.told };
  });
}

/** What one opens for whom a session is over already. */
async function offeredTooLate() {
  const call = new Call('too-late', IN);
  let opened = 0;
  globalThis.RTCPeerConnection = class {
    constructor() { opened += 1; }
    setRemoteDescription() { return new Promise(() => {}); }
    close() {}
  };
  await call.join();
  await call.client.leave();
  call.last.tell({ type: 'offer', sdp: 'v=0', slots: {}, number: 1 });
  await settled();
  return opened;
}

/** Milliseconds between attempts where the server asks to be left alone. */
async function askedToWait() {
  const busy = { type: 'error', code: 'rate_limited', message: '', retry_after: 7 };
  const call = new Call('asked-to-wait', IN, busy, { ...IN, resumed: true });
  await call.join();
  return hurried(async ({ times }) => {
    await call.lose(1);
    while (call.sockets.length < 3) await soon();
    return times.filter((each) => each >= 7000 && each <= 10500).length;
  });
}

/** What is known, and said again, once the server was started anew. */
async function startedAnew() {
  const slots = { 'seat-0': null };
  const call = new Call('anew', { ...IN, slots }, { ...IN, slots, resumed: false });
  await call.join();
  call.last.tell({ type: 'waiting', count: 1, participants: [{ id: 'guest' }] });
  call.last.tell({ type: 'quality', slots: { 'seat-0': { height: 180 } } });
  await call.client.view({
    slots: { 'seat-0': { max_height: 180 }, 'seat-7': 'off' }, layout: 'gallery', pin: 'them',
  });
  await call.lose(2);
  const { waiting, waitingCount, quality } = call.client;
  return { said: call.last.sent[1], known: [waiting.length, waitingCount, quality.size] };
}

/** How spread the first attempts of many are: the most in any tenth of a second. */
async function herd() {
  const { Backoff } = await import('../../signaling/static/backoff.js');
  return hurried(async ({ times }) => {
    const arrivals = new Map();
    await Promise.all(Array.from({ length: 2000 }, async () => {
      const backoff = new Backoff();
      let at = 0;
      for (let attempt = 0; attempt < 4; attempt += 1) {
        const { length } = times;
        const waiting = backoff.wait();
        at += times[length];
        await waiting;
      }
      const tenth = Math.floor(at / 100);
      arrivals.set(tenth, (arrivals.get(tenth) ?? 0) + 1);
    }));
    return Math.max(...arrivals.values());
  });
}

/** Listeners of the page that are left by clients which never came in. */
async function listeners() {
  let count = 0;
  globalThis.addEventListener = () => { count += 1; };
  globalThis.removeEventListener = () => { count -= 1; };
  for (let each = 0; each < 3; each += 1) new SfuClient();
  delete globalThis.addEventListener;
  delete globalThis.removeEventListener;
  return count;
}

/** Whether somebody comes back whose page cannot get a token at first: nothing answers it. */
async function tokenThatNeverComes() {
  const gone = { type: 'error', code: 'cannot_resume', message: '' };
  const call = new Call('token-never', IN, gone, { ...IN, resumed: false });
  const answers = ['first', new Promise(() => {}), 'third'];
  await call.client.connect('ws://token-never/');
  await call.client.join({ room: 'r', token: () => answers.shift() });
  return hurried(async () => {
    await call.lose(1);
    for (let each = 0; each < 200 && call.client.state.session !== 'joined'; each += 1) {
      await new Promise((next) => { setTimeout(next, 5); });
    }
    return [call.client.state.session, call.last.sent.at(-1).token];
  });
}

/** What is told where no media gets through, then does, then does not. */
async function noWay() {
  const { Healing } = await import('../../signaling/static/healing.js');
  const told = [];
  const half = Object.assign(new EventTarget(), {
    connection: { connectionState: 'failed' }, restarts: 0,
    async restart() { half.restarts += 1; },
  });
  const turn = (state) => {
    half.connection.connectionState = state;
    half.dispatchEvent(new Event('state'));
  };
  const healing = new Healing(async () => {}, ({ code }) => told.push(code));
  return hurried(async () => {
    healing.watch(half);
    for (let round = 0; round < 2; round += 1) {
      const { restarts } = half;
      turn('failed');
      while (half.restarts < restarts + 5) await soon();
      told.push('-');
      turn('connected');
      await settled();
    }
    healing.stop();
    return told;
  });
}

const scenarios = {
  letInWhileAway,
  letInAgain,
  leftWhileOpening,
  leftWhileJoining,
  waited: () => waited('waited', 2),
  waitedThen: () => waited('waited-then', 0),
};

const seen = await Promise.all(
  Object.entries(scenarios).map(async ([name, act]) => [name, await act()]),
);
// One after the other: these change the clock and the page for all.
for (const act of [
  refusedWord, leftInSilence, offeredTooLate, askedToWait, startedAnew, herd, listeners, noWay, tokenThatNeverComes,
]) seen.push([act.name, await act()]);
console.log(JSON.stringify(Object.fromEntries(seen)));
process.exit(0);
