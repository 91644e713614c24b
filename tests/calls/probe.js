// Runs in every page of the tests before the page's own code: `probe` reads what a person would
// see and hear, and `probe.lead(addresses)` leads the page's media over the tests' link.
(() => {
  const seen = new Map();

  /** The browser's inbound-rtp report of a slot. */
  async function inbound(slot, kind) {
    const track = sfu.streams.get(slot)?.getTracks().find((each) => each.kind === kind);
    const report = await sfu.receiveConnection.getStats();
    return [...report.values()].find(
      (each) => each.type === 'inbound-rtp' && each.trackIdentifier === track?.id,
    ) ?? null;
  }

  /** The browser's outbound-rtp reports of a kind, one per layer, smallest first. */
  async function outbound(kind) {
    const report = await sfu.publishConnection.getStats();
    return [...report.values()]
      .filter((each) => each.type === 'outbound-rtp' && each.kind === kind)
      .sort((a, b) => (a.frameHeight ?? 0) - (b.frameHeight ?? 0));
  }

  const video = (slot) => document.querySelector(`[data-slot="${slot}"] video`);

  const canvas = document.createElement('canvas');
  const paper = canvas.getContext('2d', { willReadFrequently: true });

  /** Mean colour of a few pixels around a place given in parts of the picture. */
  function colour(x, y) {
    const { width, height } = canvas;
    const { data } = paper.getImageData(Math.floor(x * width) - 1, Math.floor(y * height) - 1, 3, 3);
    return [0, 1, 2].map((channel) => {
      let sum = 0;
      for (let i = channel; i < data.length; i += 4) sum += data[i];
      return Math.round(sum / (data.length / 4));
    });
  }

  /** What the tile shows now: colours of the quadrants, and the number of pattern.py's frame. */
  function picture(slot) {
    const shown = video(slot);
    if (!shown || shown.videoWidth === 0) return null;
    canvas.width = 160;
    canvas.height = 90;
    paper.drawImage(shown, 0, 0, canvas.width, canvas.height);
    let number = 0;
    for (let cell = 0; cell < 8; cell++) {
      const [red, green, blue] = colour((cell + 0.5) / 8, 0.5);
      number = 2 * number + (red + green + blue > 3 * 128 ? 1 : 0);
    }
    return {
      number,
      width: shown.videoWidth,
      height: shown.videoHeight,
      top_left: colour(0.2, 0.2),
      top_right: colour(0.8, 0.2),
      bottom_left: colour(0.2, 0.8),
      bottom_right: colour(0.8, 0.8),
    };
  }

  /** Notes every picture that the tile shows, until `frames` takes them. */
  function watch(slot) {
    const shown = video(slot);
    const notes = [];
    seen.set(slot, notes);
    const note = (now, { presentedFrames, rtpTimestamp, height }) => {
      if (seen.get(slot) !== notes) return;
      const at = performance.timeOrigin + now;
      notes.push({ at, presented: presentedFrames, rtp: rtpTimestamp, height });
      shown.requestVideoFrameCallback(note);
    };
    shown.requestVideoFrameCallback(note);
  }

  function frames(slot) {
    const notes = seen.get(slot) ?? [];
    seen.delete(slot);
    return notes;
  }

  /** A camera track of one colour that moves a little. */
  function plain(colour) {
    const source = document.createElement('canvas');
    source.width = 640;
    source.height = 360;
    const brush = source.getContext('2d');
    let tick = 0;
    setInterval(() => {
      brush.fillStyle = colour;
      brush.fillRect(0, 0, source.width, source.height);
      brush.fillStyle = '#808080';
      brush.fillRect((tick++ * 8) % source.width, 170, 20, 20);
    }, 33);
    return source.captureStream(30).getVideoTracks()[0];
  }

  /** A camera track that costs whatever it may: nothing of a picture is in the one before. */
  function noise() {
    const source = document.createElement('canvas');
    source.width = 640;
    source.height = 360;
    const brush = source.getContext('2d');
    const grain = new ImageData(160, 90);
    const small = new OffscreenCanvas(160, 90);
    setInterval(() => {
      const { data } = grain;
      for (let i = 0; i < data.length; i += 4) {
        data.fill(64 + 128 * Math.random(), i, i + 3);
        data[i + 3] = 255;
      }
      small.getContext('2d').putImageData(grain, 0, 0);
      brush.imageSmoothingEnabled = false;
      brush.drawImage(small, 0, 0, source.width, source.height);
    }, 66);
    return source.captureStream(15).getVideoTracks()[0];
  }

  /** Of `tone`: how loud it is. @type {GainNode | null} */
  let loudness = null;

  /** A microphone track of a tone, silent until `speak` says how loud it is, 0 to 1. */
  function tone() {
    const context = new AudioContext();
    const oscillator = new OscillatorNode(context, { frequency: 440 });
    loudness = new GainNode(context, { gain: 0 });
    const end = context.createMediaStreamDestination();
    oscillator.connect(loudness).connect(end);
    oscillator.start();
    return end.stream.getAudioTracks()[0];
  }

  function speak(gain) {
    loudness.gain.value = gain;
  }

  /** A busy machine shall cost pictures, not resolution: tests ask for exact heights. */
  async function keepResolution() {
    for (const sender of sfu.publishConnection.getSenders()) {
      if (sender.track?.kind !== 'video') continue;
      const parameters = sender.getParameters();
      parameters.degradationPreference = 'maintain-resolution';
      await sender.setParameters(parameters);
    }
  }

  /** Bytes of everything that the publishing connection has sent. */
  async function sent() {
    const report = await sfu.publishConnection.getStats();
    const transport = [...report.values()].find(({ type }) => type === 'transport');
    return { at: transport.timestamp, bytes: transport.bytesSent };
  }

  /** The largest layer may have this many bit/s, whatever the client thinks of it. */
  async function wantMore(maxBitrate) {
    for (const sender of sfu.publishConnection.getSenders()) {
      if (sender.track?.kind !== 'video') continue;
      const parameters = sender.getParameters();
      // The largest alone: layers are filled from the smallest up.
      parameters.encodings[parameters.encodings.length - 1].maxBitrate = maxBitrate;
      await sender.setParameters(parameters);
    }
  }

  // Port of the server → address of the link that stands for it.
  let links = null;
  let floor = 2200;
  let limits = true;
  let udp = true;
  const original = RTCPeerConnection.prototype.setRemoteDescription;
  RTCPeerConnection.prototype.setRemoteDescription = function ({ type, sdp }) {
    return original.call(this, { type, sdp: withLimits(withFloor(withLinks(withoutUdp(sdp)))) });
  };

  function withLinks(sdp) {
    if (links === null) return sdp;
    const port = /a=candidate:\S+ 1 udp \d+ \S+ (\d+) typ host/i.exec(sdp)[1];
    const candidate = `a=candidate:1 1 udp 2130706431 ${links[port].join(' ')} typ host\r\n`;
    return sdp.replace(/a=candidate:.*\r\n/g, '').replace(/a=mid:.*\r\n/g, `$&${candidate}`);
  }

  /** As a network would have it that lets no UDP through: the server's TCP candidates alone. */
  function withoutUdp(sdp) {
    return udp ? sdp : sdp.replace(/a=candidate:\S+ 1 udp .*\r\n/gi, '');
  }

  /** Without the budget that a description states (b=TIAS, b=AS). */
  function withLimits(sdp) {
    return limits ? sdp : sdp.replace(/b=(TIAS|AS):.*\r\n/g, '');
  }

  /**
   * A busy machine looks like a slow network. With this floor (kbit/s, a camera's three layers and
   * a microphone) Chromium does not switch layers off for it.
   */
  function withFloor(sdp) {
    if (floor === 0) return sdp;
    const rates = `x-google-min-bitrate=${floor};x-google-start-bitrate=${floor}`;
    return sdp.replace(/a=rtpmap:(\d+) (VP8|H264)\/90000\r\n/gi, (line, number) => (
      sdp.includes(`a=fmtp:${number} `) ? line : `${line}a=fmtp:${number} ${rates}\r\n`
    )).replace(/(a=fmtp:\d+ .*packetization-mode.*)\r\n/g, `$1;${rates}\r\n`);
  }

  window.probe = {
    inbound, outbound, sent, wantMore, picture, watch, frames, plain, noise, tone, speak,
    keepResolution,
    unlimited: () => { limits = false; },
    honest: () => { floor = 0; },
    blockUdp: () => { udp = false; },
    lead: (addresses) => { links = addresses; },
  };
})();
