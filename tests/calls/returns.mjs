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
    if (answer !== null) setImmediate(() => this.tell({ type: 'ok', ...answer, id }));
  }
  tell(frame) { this.onmessage?.({ data: JSON.stringify(frame) }); }
  lose() { this.onclose?.({ code: 1006, reason: '' }); }
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
    return type === 'join' ? this.joins.shift() : {};
  }
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
console.log(JSON.stringify(Object.fromEntries(seen)));
process.exit(0);
