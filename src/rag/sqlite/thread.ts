// The program of the thread that owns a vector file, so that disk access and searches do not block the main thread.
import { workerData } from "node:worker_threads";
import { answerCalls } from "../thread-calls.ts";
import { faultOf } from "./faults.ts";
import type { ChunkRows, VectorRequest } from "./request.ts";
import type { VectorFile } from "./vector-file.ts";

// Suppresses the warning that node:sqlite is experimental.
process.removeAllListeners("warning");

const { path, cacheBytes } = workerData;
const uploads = new Map<number, ChunkRows[]>();
const WRITES: ReadonlySet<VectorRequest["kind"]> = new Set(["put", "remove", "removeMatching"]);
let file: VectorFile | undefined;

async function open(): Promise<VectorFile> {
  const { VectorFile } = await import("./vector-file.ts");
  file ??= new VectorFile(path, cacheBytes);
  return file;
}

async function answer(request: VectorRequest): Promise<unknown> {
  switch (request.kind) {
    case "check":
      return (await open()).check(request.source, request.embedder);
    case "rows": {
      const parts = uploads.get(request.upload) ?? [];
      uploads.set(request.upload, parts);
      parts.push(request.rows);
      return undefined;
    }
    case "put": {
      const { source, metadata, space, upload } = request;
      const parts = uploads.get(upload) ?? [];
      if (parts.length !== request.parts)
        throw new Error("the thread that had part of the document was lost; try again");
      return (await open()).put(source, metadata, space, parts);
    }
    case "forget":
      return void uploads.delete(request.upload);
    case "remove":
      return (await open()).remove(request.source);
    case "removeMatching":
      return (await open()).removeMatching(request.filter);
    case "search":
      return (await open()).search(request.query);
    case "close":
      file?.close();
      file = undefined;
      return undefined;
  }
}

answerCalls<VectorRequest>(async (request) => {
  try {
    return await answer(request);
  } catch (error) {
    throw faultOf(error, path);
  } finally {
    if (WRITES.has(request.kind)) setImmediate(checkpoint);
  }
});

function checkpoint(): void {
  try {
    file?.checkpoint();
  } catch {
    // Another process is doing it, or the file is faulty, which the next call will report.
  }
}
