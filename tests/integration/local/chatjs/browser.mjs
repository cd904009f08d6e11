// What ChatJS expects of a browser, and ChatJS itself, from the node_modules of the folder.
import { createRequire } from "node:module";

const require = createRequire(`${process.cwd()}/package.json`);

const define = (name, value) =>
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
define("self", globalThis);
define("window", globalThis);
define("navigator", { onLine: true, userAgent: "node" });
define("WebSocket", require("ws"));
globalThis.addEventListener ??= () => {};
globalThis.removeEventListener ??= () => {};

require("amazon-connect-chatjs");

const ignore = () => {};
const customizedLogger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

export function configure(endpoint) {
  globalThis.connect.ChatSession.setGlobalConfig({
    endpoint,
    region: "eu-west-1",
    loggerConfig: { useDefaultLogger: false, customizedLogger, advancedLogWriter: "debug" },
  });
  return globalThis.connect;
}
