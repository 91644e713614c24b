// One mediasoup worker and one router. Requests come as JSON lines, answers go as JSON lines.
// Started as: node mediasoup.mjs <folder with node_modules/mediasoup>

import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const require = createRequire(join(resolve(process.argv[2]), "package.json"));
const mediasoup = await import(pathToFileURL(require.resolve("mediasoup")).href);

const codecs = [
  { kind: "audio", mimeType: "audio/opus", clockRate: 48000, channels: 2, preferredPayloadType: 111,
    rtcpFeedback: [{ type: "transport-cc" }] },
  { kind: "video", mimeType: "video/VP8", clockRate: 90000, preferredPayloadType: 96,
    rtcpFeedback: ["nack", "nack pli", "ccm fir", "transport-cc"].map((text) => {
      const [type, parameter] = text.split(" ");
      return { type, parameter };
    }) },
];

mediasoup.setLogEventListeners({ ondebug: (ns, m) => console.error(ns, m), onwarn: (ns, m) => console.error(ns, m), onerror: (ns, m, e) => console.error(ns, m, e) });
const worker = await mediasoup.createWorker({ logLevel: "warn", disableLiburing: true });
worker.on("died", () => process.exit(1));
const router = await worker.createRouter({ mediaCodecs: codecs });
const transports = new Map();
const producers = [];

async function transport() {
  const made = await router.createWebRtcTransport({
    listenInfos: [{ protocol: "udp", ip: "127.0.0.1" }],
    initialAvailableOutgoingBitrate: 1_000_000,
  });
  transports.set(made.id, made);
  const { iceParameters, iceCandidates, dtlsParameters } = made;
  return { id: made.id, iceParameters, iceCandidates, dtlsParameters };
}

const requests = {
  hello: async () => ({ version: mediasoup.version, capabilities: router.rtpCapabilities }),
  transport,
  connect: async ({ id, dtlsParameters }) => {
    await transports.get(id).connect({ dtlsParameters });
    return {};
  },
  produce: async ({ id, kind, rtpParameters }) => {
    producers.push(await transports.get(id).produce({ kind, rtpParameters }));
    return {};
  },
  // Everything there is.
  consume: async ({ id }) => {
    const consumers = await Promise.all(producers.map((producer) => transports.get(id).consume({
      producerId: producer.id,
      rtpCapabilities: router.rtpCapabilities,
    })));
    return { consumers: consumers.map(({ kind, rtpParameters }) => ({ kind, rtpParameters })) };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { number, request, ...fields } = JSON.parse(line);
  requests[request](fields).then(
    (answer) => process.stdout.write(`${JSON.stringify({ number, ...answer })}\n`),
    (error) => process.stdout.write(`${JSON.stringify({ number, error: String(error) })}\n`),
  );
}
process.exit(0);
