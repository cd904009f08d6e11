// Listens to a chat with ChatJS until it ends, as a web page would, and tells what it is told.
// Runs in a folder with its node_modules. Its timers run faster by a factor, so heartbeats do.
// stdin: {"endpoint", "chatDetails", "faster"}; stdout: a line of JSON for each event.
import { text } from "node:stream/consumers";
import { configure } from "./browser.mjs";

const { endpoint, chatDetails, faster } = JSON.parse(await text(process.stdin));
for (const name of ["setInterval", "setTimeout"]) {
  const usual = globalThis[name];
  globalThis[name] = (call, ms, ...rest) => usual(call, ms / faster, ...rest);
}
const connect = configure(endpoint);
const tell = (event, id) =>
  new Promise((written) => process.stdout.write(`${JSON.stringify({ event, id })}\n`, written));

const session = connect.ChatSession.create({ chatDetails, type: "CUSTOMER", disableCSM: true });
session.onMessage(({ data }) => tell("message", data.Id));
session.onTyping(({ data }) => tell("typing", data.Id));
session.onReadReceipt(({ data }) => tell("receipt", data.Id));
session.onDeliveredReceipt(({ data }) => tell("receipt", data.Id));
session.onDeepHeartbeatSuccess(() => tell("heartbeat"));
session.onDeepHeartbeatFailure(() => tell("no heartbeat"));
session.onConnectionEstablished(() => tell("connected"));
session.onConnectionLost(() => tell("lost"));
session.onConnectionBroken(() => tell("broken"));
session.onEnded(async () => {
  await tell("ended");
  process.exit(0);
});
await session.connect();
