// Ends a chat with ChatJS by code of the documentation, as a web page would.
// Runs in a folder with its node_modules.
// stdin: {"endpoint", "chatDetails", "closingUrl", "snippets", "wrapped"}; stdout: {"ended"}.
import { text } from "node:stream/consumers";
import { configure } from "./browser.mjs";

const { endpoint, chatDetails, closingUrl, snippets, wrapped } = JSON.parse(
  await text(process.stdin),
);
const connect = configure(endpoint);
const code = `${snippets.join("\n")}\nreturn endChat;`;
const endChat = new Function("CLOSING_URL", "connect", code)(closingUrl, connect);

const session = connect.ChatSession.create({ chatDetails, type: "CUSTOMER", disableCSM: true });
await session.connect();
if (wrapped) await session.disconnectParticipant();
else await endChat(session, chatDetails);

process.stdout.write(JSON.stringify({ ended: true }), () => process.exit(0));
