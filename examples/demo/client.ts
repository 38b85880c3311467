import type { JobStatus } from "rapidai/background";
import type { Document } from "./documents.ts";
import type { Statistics } from "./text-statistics.ts";

/** A job as it arrives over HTTP: the parts that are shown here. */
export interface JobView {
  readonly jobId: string;
  readonly status: JobStatus;
  readonly attempts: number;
  readonly maxRetries: number;
  readonly runAt: string;
  readonly duration: number | null;
  readonly progress: { readonly fraction: number | null; readonly message: string | null } | null;
  readonly error: string | null;
  readonly result: Statistics | null;
}

/** Talks to the service as any program would. */
export class Client {
  readonly #url: string;
  readonly #signal: AbortSignal;

  constructor(url: string, signal: AbortSignal) {
    this.#url = url;
    this.#signal = signal;
  }

  /** Resolves with the document's id. */
  async upload({ text, failures }: Document): Promise<string> {
    const headers = { "content-type": "text/plain" };
    const answer = await this.#request(`/documents?failures=${failures}`, { method: "POST", headers, body: text });
    return ((await answer.json()) as { documentId: string }).documentId;
  }

  /** Resolves with the job's id. */
  async analyze(documentId: string): Promise<string> {
    const answer = await this.#request(`/documents/${documentId}/analysis`, { method: "POST" });
    return ((await answer.json()) as { jobId: string }).jobId;
  }

  async jobs(): Promise<ReadonlyMap<string, JobView>> {
    const { jobs } = (await (await this.#request("/jobs")).json()) as { jobs: JobView[] };
    return new Map(jobs.map((job) => [job.jobId, job]));
  }

  async cancel(jobId: string): Promise<void> {
    await this.#request(`/jobs/${jobId}/cancel`, { method: "POST" });
  }

  async #request(path: string, init: RequestInit = {}): Promise<Response> {
    const response = await fetch(this.#url + path, { ...init, signal: this.#signal });
    if (response.ok) return response;
    throw new Error(`${init.method ?? "GET"} ${path} was answered with ${response.status}: ${await response.text()}`);
  }
}
