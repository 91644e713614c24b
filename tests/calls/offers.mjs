// The browser client without a browser: what it makes of offers that overtake each other. Prints
// what it has sent, and what it has told, as JSON.
import { SfuClient } from '../../signaling/static/sfu-client.js';

/** As the standard has it (W3C WebRTC §4.4.1.2): what is under way when it closes never ends. */
class Connection {
  closed = false;
  connectionState = 'new';
  localDescription = null;
  remote = '';
  #track = null;
  #later(act) {
    return new Promise((resolve) => setImmediate(() => { if (!this.closed) resolve(act()); }));
  }
  setRemoteDescription({ sdp }) { return this.#later(() => { this.remote = sdp; }); }
  createAnswer() { return this.#later(() => ({ type: 'answer', sdp: `to ${this.remote}` })); }
  setLocalDescription(answer) { return this.#later(() => { this.localDescription = answer; }); }
  getTransceivers() {
    this.#track ??= { id: this.remote, from: this.remote };
    return [{ mid: 'v0', receiver: { track: this.#track } }];
  }
  close() { this.closed = true; }
}

class Stream {
  #tracks = [];
  getTracks() { return [...this.#tracks]; }
  addTrack(track) { this.#tracks.push(track); }
  removeTrack(track) { this.#tracks = this.#tracks.filter((each) => each !== track); }
}

/** The server: answers a request by its `answers`, by default with ok. */
class Socket extends EventTarget {
  static OPEN = 1;
  static one;
  static answers = [];
  readyState = Socket.OPEN;
  sent = [];
  constructor() {
    super();
    Socket.one = this;
    setImmediate(() => this.onopen());
  }
  send(data) {
    const { id, ...request } = JSON.parse(data);
    this.sent.push(request);
    const ok = { type: 'ok', status: 'admitted', participant: { id: 'me' }, room: {}, slots: {} };
    const answer = request.type === 'answer' ? Socket.answers.shift() ?? ok : ok;
    setImmediate(() => this.tell({ ...answer, id }));
  }
  tell(frame) { this.onmessage({ data: JSON.stringify(frame) }); }
  close() {}
}

globalThis.RTCPeerConnection = Connection;
globalThis.MediaStream = Stream;
globalThis.WebSocket = Socket;

const client = new SfuClient({ hidden: 'all' });
const errors = [];
client.addEventListener('error', ({ detail }) => errors.push(detail.code ?? String(detail)));
await client.connect('ws://nowhere/');
await client.join({ room: 'r' });

const wait = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
const sdp = (session, version) => `v=0\r\no=- ${session} ${version} IN IP4 127.0.0.1\r\n`;
const offer = (session, number, version = 0) => Socket.one.tell({
  type: 'offer', sdp: sdp(session, version), slots: { v0: 'seat-0' }, number,
});
const lose = () => Socket.one.tell({ type: 'connection', connection: 'receive', state: 'lost' });
const answered = () => Socket.one.sent
  .filter(({ type }) => type === 'answer')
  .map((request) => [/- (\d+ \d+)/.exec(request.sdp)[1], request.number]);
const stream = () => client.streams.get('seat-0').getTracks()
  .map(({ from }) => /- (\d+)/.exec(from)[1]);
const seen = {};

/** Lets all that can happen happen, and takes down what has. */
async function note(name) {
  await wait(20);
  seen[name] = { answered: answered(), errors: errors.splice(0), stream: stream() };
  Socket.one.sent = [];
}

// The connection is lost while its offer is being taken; another one comes.
offer(1, 1);
lose();
offer(2, 2);
await note('lost at once');
// The same a moment later, at each step of the first one's taking.
for (let step = 1; step <= 3; step += 1) {
  offer(10 * step, 10 * step);
  for (let each = 0; each < step; each += 1) await new Promise((next) => { setImmediate(next); });
  lose();
  offer(10 * step + 1, 10 * step + 1);
  await note(`lost after ${step}`);
}
// Nobody says that the connection is lost: the offer is for another one all the same.
offer(40, 40);
offer(41, 41);
await note('not told');
// Two for one connection are taken one after the other.
offer(41, 42, 1);
offer(41, 43, 2);
await note('in turn');
// What has come too late is no fault, and what the server cannot take now is said again.
Socket.answers = [{ type: 'error', code: 'offer_replaced', message: '' }];
offer(41, 44, 3);
await note('replaced');
Socket.answers = [{ type: 'error', code: 'rate_limited', message: '' }];
offer(41, 45, 4);
await wait(500);
await note('refused for now');
console.log(JSON.stringify(seen));
process.exit(0);
