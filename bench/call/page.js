// Runs in every page of a measured call before the page's own code.
(() => {
  const WORDS = 'measure rate delay queue layer frame packet sender viewer speaker screen link'.split(' ');

  /** A screen track: a page of text, of which one line changes with each of 15 pictures a second. */
  function text(width = 1280, height = 720) {
    const canvas = document.createElement('canvas');
    Object.assign(canvas, { width, height });
    const brush = canvas.getContext('2d');
    brush.fillStyle = 'white';
    brush.fillRect(0, 0, width, height);
    brush.font = '24px sans-serif';
    let line = 0;
    setInterval(() => {
      const top = (line++ % 24) * 30;
      brush.fillStyle = 'white';
      brush.fillRect(0, top, width, 30);
      brush.fillStyle = 'black';
      const words = Array.from({ length: 12 }, (_, i) => WORDS[(line * 7 + i * 5) % WORDS.length]);
      brush.fillText(`${line} ${words.join(' ')}`, 8, top + 23);
    }, 1000 / 15);
    return canvas.captureStream(15).getVideoTracks()[0];
  }

  /**
   * Sets a camera's largest layer, bit/s, and the others in proportion; a busy machine shall cost
   * frames, not pixels.
   */
  async function limit(bps) {
    for (const sender of sfu.publishConnection.getSenders()) {
      const parameters = sender.getParameters();
      if (sender.track?.kind !== 'video') continue;
      parameters.degradationPreference = 'maintain-resolution';
      if (parameters.encodings.length > 1) {
        const part = bps / parameters.encodings.at(-1).maxBitrate;
        for (const each of parameters.encodings) each.maxBitrate *= part;
      }
      await sender.setParameters(parameters);
    }
  }

  /** Slot → the video element watched, when its last picture came, and the longest wait since. */
  const watched = new Map();

  function watch(slot, video) {
    const entry = { video, last: null, gap: 0 };
    watched.set(slot, entry);
    const note = (now) => {
      if (watched.get(slot) !== entry) return;
      if (entry.last !== null) entry.gap = Math.max(entry.gap, now - entry.last);
      entry.last = now;
      video.requestVideoFrameCallback(note);
    };
    video.requestVideoFrameCallback(note);
  }

  /** The longest time without a new picture since the last call, milliseconds. */
  function gap(slot) {
    const video = document.querySelector(`[data-slot="${slot}"] video`);
    if (video === null) return null;
    if (watched.get(slot)?.video !== video) watch(slot, video);
    const entry = watched.get(slot);
    if (entry.last === null) return null;
    const longest = Math.max(entry.gap, performance.now() - entry.last);
    entry.gap = 0;
    return longest;
  }

  /** What the server said: slot → its picture, and the last event of each other kind. */
  const told = { slots: {}, events: {} };

  /** Remembers what the server says from now on. */
  function listen() {
    sfu.addEventListener('quality', ({ detail }) => Object.assign(told.slots, detail.slots));
    for (const type of ['congestion', 'bandwidth']) {
      sfu.addEventListener(type, ({ detail }) => { told.events[type] = detail; });
    }
  }

  const FIELDS = {
    video: [
      'bytesReceived', 'headerBytesReceived', 'retransmittedBytesReceived', 'packetsReceived',
      'packetsLost', 'frameHeight', 'framesDecoded', 'framesDropped', 'keyFramesDecoded',
      'freezeCount', 'totalFreezesDuration', 'nackCount', 'pliCount',
    ],
    audio: [
      'bytesReceived', 'headerBytesReceived', 'packetsReceived', 'packetsLost', 'concealedSamples',
      'silentConcealedSamples', 'totalSamplesReceived', 'concealmentEvents',
    ],
  };

  /** Everything that a viewer's timeline needs, at one moment. */
  async function report() {
    const stats = [...(await sfu.receiveConnection.getStats()).values()];
    const inbound = stats.filter(({ type }) => type === 'inbound-rtp');
    const slots = {};
    for (const [slot, stream] of sfu.streams) {
      const seen = { gap: gap(slot), told: told.slots[slot] ?? null };
      for (const track of stream.getTracks()) {
        const entry = inbound.find(({ trackIdentifier }) => trackIdentifier === track.id);
        if (entry === undefined) continue;
        seen[track.kind] = Object.fromEntries(
          FIELDS[track.kind].map((field) => [field, entry[field] ?? 0]),
        );
      }
      slots[slot] = seen;
    }
    const pair = stats.find(({ type, nominated, state }) => (
      type === 'candidate-pair' && nominated && state === 'succeeded'
    ));
    return {
      at: performance.timeOrigin + performance.now(),
      slots,
      events: told.events,
      received: pair?.bytesReceived ?? 0,
      roundTrip: pair?.currentRoundTripTime ?? 0,
    };
  }

  // A busy machine looks like a slow network. With a floor (kbit/s, all that one page sends)
  // Chromium does not switch layers off for it.
  const FLOOR = 1500;
  const original = RTCPeerConnection.prototype.setRemoteDescription;
  RTCPeerConnection.prototype.setRemoteDescription = function ({ type, sdp }) {
    return original.call(this, { type, sdp: type === 'answer' ? withFloor(sdp) : sdp });
  };

  function withFloor(sdp) {
    const rates = `x-google-min-bitrate=${FLOOR};x-google-start-bitrate=${FLOOR}`;
    return sdp.replace(/a=rtpmap:(\d+) VP8\/90000\r\n/g, (line, number) => (
      `${line}a=fmtp:${number} ${rates}\r\n`
    ));
  }

  window.bench = { text, limit, listen, report };
})();
