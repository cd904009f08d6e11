// Reads a whole transcript with ChatJS, as a web page would.
// Runs in a folder with its node_modules.
// stdin: {"endpoint", "chatDetails", "pageSize"}; stdout: {"connectSuccess", "pages"}.
import { text } from "node:stream/consumers";
import { configure } from "./browser.mjs";

const { endpoint, chatDetails, pageSize } = JSON.parse(await text(process.stdin));
const connect = configure(endpoint);

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
