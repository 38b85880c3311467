// Sends the requests that a reader would send with curl, so that an example shows something and exits.

/** Sends a request such as "POST /reports", prints it with its answer, and returns the answer. */
type Call = (request: string, body?: object) => Promise<{ readonly jobId: string }>;

/** Visits a running example, then closes it. Started with `--serve`, the example keeps serving instead. */
export async function tour(
  server: { readonly url: string; close(): Promise<void> },
  visit: (call: Call) => Promise<unknown>,
): Promise<void> {
  if (process.argv.includes("--serve")) return;
  try {
    await visit((request, body) => call(server.url, request, body));
  } finally {
    await server.close();
  }
}

async function call(url: string, request: string, body?: object): Promise<{ readonly jobId: string }> {
  const [method = "GET", path = "/"] = request.split(" ");
  const sent = body && { headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const response = await fetch(url + path, { method, ...sent });
  const answer = (await response.json()) as { jobId: string };
  console.log(`\n${request} → ${response.status}`);
  console.log(answer);
  return answer;
}
