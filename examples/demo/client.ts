import type { JobStatus, Usage } from "rapidai/background";
import type { ProcessedDocument } from "../document-processing/process-document.ts";
import type { Document } from "./documents.ts";

/** A job as received over HTTP, with the fields that are shown here. */
export interface JobView {
  readonly jobId: string;
  readonly status: JobStatus;
  readonly attempts: number;
  readonly maxRetries: number;
  readonly runAt: string;
  readonly duration: number | null;
  readonly progress: { readonly fraction: number | null; readonly message: string | null } | null;
  readonly usage: Usage | null;
  readonly error: string | null;
  readonly result: ProcessedDocument | null;
}

/** A passage of a document that fits a question. */
export interface Passage {
  readonly content: string;
  readonly score: number;
  readonly source: string;
}

/** Talks to the service over HTTP, as any program would. */
export class Client {
  readonly #url: string;
  readonly #signal: AbortSignal;

  constructor(url: string, signal: AbortSignal) {
    this.#url = url;
    this.#signal = signal;
  }

  /** Resolves with the document's path on the service. */
  async upload({ name, content, failures }: Document): Promise<string> {
    const path = `/documents/${encodeURIComponent(name)}?failures=${failures}`;
    const headers = { "content-type": "application/octet-stream" };
    const answer = await this.#request(path, { method: "PUT", headers, body: content as Uint8Array<ArrayBuffer> });
    return ((await answer.json()) as { filepath: string }).filepath;
  }

  /** Resolves with the job's id. */
  async process(filepath: string): Promise<string> {
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ filepath, userId: "demo" });
    const answer = await this.#request("/upload", { method: "POST", headers, body });
    return ((await answer.json()) as { jobId: string }).jobId;
  }

  async jobs(): Promise<ReadonlyMap<string, JobView>> {
    const { jobs } = (await (await this.#request("/jobs")).json()) as { jobs: JobView[] };
    return new Map(jobs.map((job) => [job.jobId, job]));
  }

  async cancel(jobId: string): Promise<void> {
    await this.#request(`/jobs/${jobId}/cancel`, { method: "POST" });
  }

  async passages(question: string): Promise<readonly Passage[]> {
    const answer = await this.#request(`/passages?question=${encodeURIComponent(question)}`);
    return ((await answer.json()) as { passages: Passage[] }).passages;
  }

  async #request(path: string, init: RequestInit = {}): Promise<Response> {
    const response = await fetch(this.#url + path, { ...init, signal: this.#signal });
    if (response.ok) return response;
    throw new Error(`${init.method ?? "GET"} ${path} returned ${response.status}: ${await response.text()}`);
  }
}
