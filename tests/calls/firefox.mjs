// Firefox for the Python tests: one JSON command per line on stdin, one JSON answer per line on
// stdout. Playwright drives its own Firefox builds only; this is the one of the distribution, by
// WebDriver BiDi.
import { createInterface } from 'node:readline';
import puppeteer from 'puppeteer-core';

const browser = await puppeteer.launch({
  browser: 'firefox',
  executablePath: process.argv[2],
  headless: true,
  extraPrefsFirefox: {
    'media.navigator.streams.fake': true,
    'media.navigator.permission.disabled': true,
    'media.autoplay.default': 0,
    // As probe.js does for Chromium: a busy machine shall not look like a slow network (kbit/s).
    'media.peerconnection.video.start_bitrate': 2200,
    'media.peerconnection.video.min_bitrate_estimate': 2200,
    // Real addresses instead of mDNS names in candidates.
    'media.peerconnection.ice.obfuscate_host_addresses': false,
  },
});

const pages = new Map();
const troubles = new Map();

const commands = {
  async open({ page, script }) {
    const tab = await browser.newPage();
    const complaints = [];
    tab.on('console', (message) => {
      if (['error', 'warn', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    tab.on('pageerror', (error) => complaints.push(String(error)));
    await tab.evaluateOnNewDocument(script);
    pages.set(page, tab);
    troubles.set(page, complaints);
  },
  async goto({ page, url }) {
    await pages.get(page).goto(url);
  },
  async evaluate({ page, script }) {
    return pages.get(page).evaluate(script);
  },
  async close({ page }) {
    await pages.get(page).close();
    return troubles.get(page);
  },
};

const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);
say({ version: await browser.version() });
for await (const line of createInterface({ input: process.stdin })) {
  const { id, command, ...parameters } = JSON.parse(line);
  try {
    say({ id, value: (await commands[command](parameters)) ?? null });
  } catch (error) {
    say({ id, error: String(error) });
  }
}
await browser.close();
