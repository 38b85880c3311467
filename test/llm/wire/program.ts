// The model server as a process of its own: prints its address, and ends when it is told to.
//
//   node test/llm/wire/program.ts [port]
import { startModelServer } from "./model-server.ts";

const server = await startModelServer({ port: Number(process.argv[2] ?? 0) });
console.log(server.url);
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => void server.close());
