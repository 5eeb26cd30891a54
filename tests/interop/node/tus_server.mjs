// Serves tus uploads on loopback: node tus_server.mjs PORT FOLDER [CERTIFICATE KEY CLIENT_AUTHORITY]
import { readFileSync } from "node:fs";
import { createServer as createPlainServer } from "node:http";
import { createServer as createTlsServer } from "node:https";

import { FileStore } from "@tus/file-store";
import { Server } from "@tus/server";

const [port, folder, certificate, key, clientAuthority] = process.argv.slice(2);

const tus = new Server({
  path: "/files",
  relativeLocation: true,
  datastore: new FileStore({ directory: folder }),
});
const handle = (request, response) => tus.handle(request, response);

const server = certificate
  ? createTlsServer(
      {
        cert: readFileSync(certificate),
        key: readFileSync(key),
        ca: readFileSync(clientAuthority),
        requestCert: true,
        rejectUnauthorized: true,
      },
      handle,
    )
  : createPlainServer(handle);

server.requestTimeout = 0;
server.keepAliveTimeout = 60_000;
server.listen(Number(port), "127.0.0.1");

// On node 20 a client that closes right after a download ends the whole process by this error.
process.on("uncaughtException", (error) => {
  console.error(error);
  if (error.code !== "ERR_INVALID_STATE") process.exit(1);
});

process.on("SIGTERM", () => {
  server.closeAllConnections();
  server.close(() => process.exit(0));
});
