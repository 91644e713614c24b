// The browser client without a browser: own sources, where calls, devices and the server's answers
// overtake each other. Prints what became of them, as JSON.
import { checkMicrophone, playTone } from '../../signaling/static/preflight-devices.js';
import { SfuClient } from '../../signaling/static/sfu-client.js';

const soon = () => new Promise((next) => { setImmediate(next); });
/** Lets all that can happen happen. */
async function settled() {
  for (let each = 0; each < 20; each += 1) await soon();
}

class Track extends EventTarget {
  enabled = true;
  readyState = 'live';
  label = 'fake';
  onended = null;
  static all = [];
  constructor(kind) {
    super();
    this.kind = kind;
    Track.all.push(this);
  }
  stop() { this.readyState = 'ended'; }
  /** As when the device is pulled out, or sharing is stopped in the browser's own controls. */
  lose() {
    this.readyState = 'ended';
    this.onended?.();
  }
  getSettings() { return {}; }
}

class Connection {
  static open = new Set();
  signalingState = 'stable';
  connectionState = 'new';
  localDescription = null;
  #transceivers = [];
  constructor() { Connection.open.add(this); }
  addTransceiver(track, { direction }) {
    const sender = { track, async replaceTrack(next) { sender.track = next; } };
    // Without setCodecPreferences, like a Firefox before 128.
    const transceiver = { mid: null, direction, sender };
    this.#transceivers.push(transceiver);
    return transceiver;
  }
  async createOffer() { return { type: 'offer', sdp: '' }; }
  async setLocalDescription({ type }) {
    await soon();
    this.signalingState = type === 'rollback' ? 'stable' : 'have-local-offer';
    for (const [at, each] of this.#transceivers.entries()) each.mid = String(at);
    this.localDescription = { sdp: '' };
  }
  async setRemoteDescription() { this.signalingState = 'stable'; }
  close() {
    Connection.open.delete(this);
    this.connectionState = 'closed';
  }
}

/** What devices give; a call that `gate` holds up goes on when it is opened. */
class Devices extends EventTarget {
  gate = null;
  screen = ['video', 'audio'];
  /** As on a phone: one camera at a time. */ one = false;
  /** The id of one that another program has. */ busy = null;
  async enumerateDevices() { return []; }
  async getUserMedia({ video }) {
    await this.gate;
    const kind = video ? 'video' : 'audio';
    if (this.busy !== null && this.busy === video?.deviceId?.exact) {
      throw Object.assign(new Error(), { name: 'NotReadableError' });
    }
    if (this.one && Track.all.some((each) => each.kind === kind && each.readyState === 'live')) {
      throw Object.assign(new Error(), { name: 'NotReadableError' });
    }
    return this.#stream([kind]);
  }
  async getDisplayMedia() {
    await this.gate;
    return this.#stream(this.screen);
  }
  #stream(kinds) {
    const tracks = kinds.map((kind) => new Track(kind));
    const of = (kind) => tracks.filter((each) => each.kind === kind);
    return {
      getTracks: () => tracks, getVideoTracks: () => of('video'), getAudioTracks: () => of('audio'),
    };
  }
}

/** The server's end: what is published, and muted, there. */
class Server {
  static OPEN = 1;
  readyState = Server.OPEN;
  static last;
  published = new Set();
  muted = new Set();
  sent = [];
  /** Answers held back, until let go. */ held = null;
  /** Codes of refusals by type of request, one after the other. */ refusals = {};
  constructor() {
    Server.last = this;
    setImmediate(() => this.onopen());
  }
  send(data) {
    const { id, ...request } = JSON.parse(data);
    this.sent.push(request.type);
    const code = this.refusals[request.type]?.shift() ?? this.#do(request);
    const answer = code ? { type: 'error', code, message: code } : {
      type: 'ok', status: 'admitted', participant: { id: 'me', seat: 0 }, room: {}, slots: {}, sdp: '',
    };
    Promise.resolve(request.type === 'publish' ? this.held : null).then(soon).then(() => {
      this.onmessage?.({ data: JSON.stringify({ ...answer, id }) });
    });
  }
  #do({ type, source, sources, muted }) {
    if (type === 'publish') {
      this.published = new Set(Object.values(sources));
      for (const each of this.muted) if (!this.published.has(each)) this.muted.delete(each);
    }
    if (!['mute', 'unpublish'].includes(type)) return undefined;
    if (!this.published.has(source)) return 'not_published';
    if (type === 'unpublish') this.published.delete(source);
    if (type === 'unpublish' || !muted) this.muted.delete(source);
    else this.muted.add(source);
    return undefined;
  }
  close() { this.readyState = 2; }
}

const devices = new Devices();
globalThis.WebSocket = Server;
globalThis.RTCPeerConnection = Connection;
globalThis.RTCRtpSender = {
  getCapabilities: (kind) => ({ codecs: [{ mimeType: kind === 'video' ? 'video/VP8' : 'audio/opus' }] }),
};
globalThis.MediaStream = class { getTracks() { return []; } };
Object.defineProperty(globalThis, 'navigator', { value: { mediaDevices: devices } });

/** What a call came to: `ok`, the code of its refusal, or that it never ends. */
async function outcome(call) {
  let end = 'never ends';
  call.then(() => { end = 'ok'; }, (error) => { end = error.code ?? String(error); });
  await settled();
  return end;
}

function gate() {
  let open;
  const closed = new Promise((resolve) => { open = resolve; });
  return { closed, open };
}

/** @type {Record<string, (client: SfuClient, server: Server, local: string[]) => Promise<unknown>>} */
const scenarios = {
  async 'muted while it is being published'(client, server) {
    const publishing = client.publishMicrophone();
    await soon();
    const calls = [publishing, client.mute('microphone', true)].map(outcome);
    return { calls: await Promise.all(calls), ...heard(client, server) };
  },

  async 'unmuted and muted at once'(client, server) {
    await client.publishMicrophone();
    await client.mute('microphone', true);
    const calls = [client.mute('microphone', false), client.mute('microphone', true)].map(outcome);
    return { calls: await Promise.all(calls), ...heard(client, server) };
  },

  async 'published again while muted'(client, server) {
    await client.publishMicrophone();
    await client.mute('microphone', true);
    return { calls: [await outcome(client.publishMicrophone())], ...heard(client, server) };
  },

  async 'muted in vain, then published'(client, server) {
    const calls = [await outcome(client.mute('microphone', true))];
    calls.push(await outcome(client.publishMicrophone()));
    return { calls, ...heard(client, server) };
  },

  async 'ended while another device is looked for'(client, server, local) {
    await client.publishMicrophone();
    const { closed, open } = gate();
    devices.gate = closed;
    Track.all[0].lose();
    await settled();
    const calls = [await outcome(client.unpublish('microphone'))];
    open();
    return { calls, ...await after(client, server, local) };
  },

  async 'left while another device is looked for'(client, server, local) {
    await client.publishCamera();
    const { closed, open } = gate();
    devices.gate = closed;
    const choosing = client.useDevice('camera', 'other');
    choosing.catch(() => {});
    const calls = [await outcome(client.leave())];
    open();
    return { calls: [...calls, await outcome(choosing)], ...await after(client, server, local) };
  },

  async 'left before the person has said yes'(client, server, local) {
    const { closed, open } = gate();
    devices.gate = closed;
    const publishing = client.publishCamera();
    publishing.catch(() => {});
    const calls = [await outcome(client.leave())];
    open();
    return { calls: [...calls, await outcome(publishing)], ...await after(client, server, local) };
  },

  async 'left while a publish waits for its turn'(client, server, local) {
    const { closed } = gate();
    server.held = closed;
    const publishing = [client.publishMicrophone(), client.publishCamera()];
    for (const each of publishing) each.catch(() => {});
    await settled();
    const calls = [await outcome(client.leave())];
    calls.push(...await Promise.all(publishing.map(outcome)));
    return { calls, ...await after(client, server, local) };
  },

  async 'another screen, without sound'(client, server, local) {
    const calls = [await outcome(client.publishScreen())];
    devices.screen = ['video'];
    calls.push(await outcome(client.publishScreen()));
    return { calls, ...await after(client, server, local) };
  },

  async 'a screen that the server has ended'(client, server, local) {
    await client.publishScreen();
    server.published.clear();
    const calls = [await outcome(client.unpublish('screen'))];
    return { calls, ...await after(client, server, local) };
  },

  async 'a screen whose end is refused'(client, server, local) {
    await client.publishScreen();
    server.refusals.unpublish = ['rate_limited'];
    const calls = [await outcome(client.unpublish('screen'))];
    return { calls, ...await after(client, server, local) };
  },

  async 'refused in place of another'(client, server, local) {
    await client.publishCamera();
    server.refusals.publish = ['not_allowed'];
    const calls = [await outcome(client.publishCamera({ simulcast: false }))];
    return { calls, ...await after(client, server, local) };
  },

  async 'refused while another device is looked for'(client, server, local) {
    const answer = gate();
    server.held = answer.closed;
    server.refusals.publish = ['not_allowed'];
    const publishing = client.publishMicrophone();
    publishing.catch(() => {});
    await settled();
    const { closed, open } = gate();
    devices.gate = closed;
    Track.all[0].lose();
    answer.open();
    const calls = [await outcome(publishing)];
    open();
    return { calls, ...await after(client, server, local) };
  },

  async 'refused with another device in its place'(client, server, local) {
    const answer = gate();
    server.held = answer.closed;
    server.refusals.publish = ['not_allowed'];
    const publishing = client.publishMicrophone();
    publishing.catch(() => {});
    await settled();
    Track.all[0].lose();
    await settled();
    answer.open();
    return { calls: [await outcome(publishing)], ...await after(client, server, local) };
  },

  async 'answered too late'(client, server, local) {
    // The server has it all the same.
    server.refusals.publish = ['timeout'];
    server.published.add('camera');
    const calls = [await outcome(client.publishCamera())];
    return { calls, ...await after(client, server, local) };
  },

  async 'stopped before its turn'(client, server, local) {
    const { closed, open } = gate();
    server.held = closed;
    const publishing = [client.publishMicrophone(), client.publishScreen()];
    for (const each of publishing) each.catch(() => {});
    await settled();
    for (const track of Track.all.slice(1)) track.lose();
    open();
    const calls = await Promise.all(publishing.map(outcome));
    return { calls, ...await after(client, server, local) };
  },

  async 'one camera at a time'(client, server, local) {
    devices.one = true;
    await client.publishCamera();
    const calls = [await outcome(client.useDevice('camera', 'back'))];
    return { calls, ...await after(client, server, local) };
  },

  async 'a camera that is busy'(client, server, local) {
    devices.busy = 'other';
    await client.publishCamera();
    const calls = [await outcome(client.useDevice('camera', 'other'))];
    return { calls, ...await after(client, server, local) };
  },
};

function heard(client, server) {
  return {
    muted: client.isMuted('microphone'),
    enabled: client.track('microphone')?.enabled,
    server: server.muted.has('microphone'),
  };
}

/** What is left: devices in use, connections, sources on either side. */
async function after(client, server, local) {
  await settled();
  return {
    live: Track.all.filter(({ readyState }) => readyState === 'live').length,
    sources: client.sources,
    server: [...server.published],
    connections: Connection.open.size,
    local: local.splice(0),
  };
}

const seen = {};
for (const [name, act] of Object.entries(scenarios)) {
  Object.assign(devices, { gate: null, screen: ['video', 'audio'], one: false, busy: null });
  Track.all = [];
  Connection.open.clear();
  const client = new SfuClient({ hidden: 'all' });
  const local = [];
  client.on('local', ({ source, track }) => local.push(track ? source : `no ${source}`));
  await client.connect('ws://nowhere/');
  await client.join({ room: 'r' });
  seen[name] = await act(client, Server.last, local);
  client.leave().catch(() => {});
  await settled();
}
// What browsers do to a page that nobody has touched yet: they let it wait for that, for good.
let sounds = 0;
globalThis.AudioContext = class {
  state = 'suspended';
  constructor() { sounds += 1; }
  resume() { return new Promise(() => {}); }
  async close() { sounds -= 1; }
};
Track.all = [];
const late = new Promise((resolve) => { setTimeout(resolve, 3000, 'never ends'); });
const checks = [playTone(), checkMicrophone()].map((check) => (
  Promise.race([late, check.then(() => 'ok', ({ code }) => code)])
));
seen['sound in a page that nobody has touched'] = {
  calls: await Promise.all(checks),
  live: Track.all.filter(({ readyState }) => readyState === 'live').length,
  sounds,
};
console.log(JSON.stringify(seen));
process.exit(0);
