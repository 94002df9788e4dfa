/**
 * A server that does nothing but HTTP: it reads each request's body and answers the bytes of a file. Run as a process of
 * its own, `bare_server.ts FILE`; prints its port.
 *
 * @module
 */
import http from "node:http";
import type { AddressInfo } from "node:net";
import process from "node:process";

const answer = await Deno.readFile(process.argv[2] as string);
const server = http.createServer((request, response) => {
  request.on("data", () => {});
  request.on("end", () => {
    response.writeHead(200, { "content-type": "application/cbor", "content-length": answer.length });
    response.end(answer);
  });
});
server.listen(0, "127.0.0.1", () => console.log((server.address() as AddressInfo).port));
