// Reads a whole transcript with ChatJS, as a web page would.
// Runs in a folder with its node_modules.
// stdin: {"endpoint", "chatDetails", "pageSize"}; stdout: {"connectSuccess", "pages"}.
import { createRequire } from "node:module";
import { text } from "node:stream/consumers";

const { endpoint, chatDetails, pageSize } = JSON.parse(await text(process.stdin));
const require = createRequire(`${process.cwd()}/package.json`);

// What ChatJS expects of a browser.
const define = (name, value) =>
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
define("self", globalThis);
define("window", globalThis);
define("navigator", { onLine: true, userAgent: "node" });
define("WebSocket", require("ws"));
globalThis.addEventListener ??= () => {};
globalThis.removeEventListener ??= () => {};

require("amazon-connect-chatjs");
const { connect } = globalThis;

const ignore = () => {};
const customizedLogger = { debug: ignore, info: ignore, warn: ignore, error: ignore };
connect.ChatSession.setGlobalConfig({
  endpoint,
  region: "eu-west-1",
  loggerConfig: { useDefaultLogger: false, customizedLogger, advancedLogWriter: "debug" },
});

const session = connect.ChatSession.create({
  chatDetails,
  type: "CUSTOMER",
  disableCSM: true,
});
// connect() is content with the credentials; a deep heartbeat proves the websocket, too.
const heard = new Promise((resolve) => session.onDeepHeartbeatSuccess(resolve));
const { connectSuccess } = await session.connect();
await heard;

const pages = [];
let nextToken;
do {
  const { data } = await session.getTranscript({
    maxResults: pageSize,
    sortOrder: "ASCENDING",
    scanDirection: "BACKWARD",
    nextToken,
  });
  pages.push(data);
  nextToken = data.NextToken;
} while (nextToken);

process.stdout.write(JSON.stringify({ connectSuccess, pages }), () => process.exit(0));
