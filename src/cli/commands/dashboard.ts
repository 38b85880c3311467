import { isIP } from "node:net";
import type { Command } from "commander";
import { onEndSignal } from "../../app/end-signals.ts";
import { HttpServer } from "../../app/http-server.ts";
import { type Logger, silentLogger } from "../../background/engine/logger.ts";
import { isLoopbackAddress } from "../../http/loopback.ts";
import { wholeFrom } from "../arguments.ts";
import { basicAuth } from "../basic-auth.ts";
import { EXIT, type ExitCode, errorCodeOf, UsageError } from "../exit-code.ts";
import { refuseMissingQueue } from "../missing-queue.ts";
import { choiceAt, queueAt, shownUrl } from "../queue-at.ts";
import { type CommonOptions, withExitCode } from "../run.ts";
import { safeLine } from "../safe-text.ts";
import type { Terminal } from "../terminal.ts";
import { warn } from "../warn.ts";

interface DashboardCommandOptions extends CommonOptions {
  readonly port: number;
  readonly host: string;
  readonly auth?: string;
  readonly readOnly?: boolean;
}

/** How long requests get to finish when the command ends. */
const GRACE_MS = 1_000;

export function addDashboard(program: Command, terminal: Terminal): void {
  program
    .command("dashboard")
    .summary("serve a page that shows the queue")
    .description(
      "Serves the dashboard until SIGTERM or Ctrl-C. By default only this machine can reach it; any other address needs " +
        "--auth, and should be behind a proxy that terminates TLS, since the password is sent with each request.",
    )
    .option("-p, --port <port>", "the port to listen on; 0 picks a free one", wholeFrom(0, 65_535), 4_680)
    .option("--host <address>", "the address to listen on", "127.0.0.1")
    .option(
      "--auth <user:password>",
      "the login that browsers ask for (better: RAPIDAI_DASHBOARD_AUTH, which lists of processes do not show)",
    )
    .option("--read-only", "allow no changes")
    .addHelpText(
      "after",
      `
Examples:
  npx rapidai dashboard --url redis://localhost:6379
  rapidai dashboard --url sqlite:jobs.db --port 8080 --read-only
  RAPIDAI_DASHBOARD_AUTH=ops:secret rapidai dashboard --host 0.0.0.0`,
    )
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<DashboardCommandOptions>();
      await withExitCode(terminal, options, () => serve(options, terminal));
    });
}

async function serve(options: DashboardCommandOptions, terminal: Terminal): Promise<ExitCode> {
  const { port, host, readOnly, json } = options;
  const choice = choiceAt(options, process.env);
  const credentials = options.auth ?? process.env.RAPIDAI_DASHBOARD_AUTH;
  // An unset variable in a script must not turn a protected dashboard into an open one.
  if (credentials === "") {
    throw new UsageError("The --auth or RAPIDAI_DASHBOARD_AUTH is empty: check whether a variable in it is not set.");
  }
  if (credentials === undefined && !isLoopback(host)) {
    throw new UsageError(`${host} can be reached from other machines: use --auth USER:PASSWORD, or leave --host out.`);
  }
  const basic = credentials === undefined ? undefined : basicAuth(credentials);
  await refuseMissingQueue(choice);
  const queue = await queueAt(choice, options, { worker: false, thread: true });
  try {
    await queue.ready({ timeout: "10s" });
    // Loaded on demand: the other commands do not need it.
    const { dashboard } = await import("../../http/dashboard/dashboard.ts");
    const logger = loggerTo(terminal, options);
    const site = dashboard({ queue, readOnly, auth: basic?.auth, title: `RapidAI: ${shownUrl(choice)}`, logger });
    const server = new HttpServer(basic?.withChallenge(site) ?? site);
    const address = await server.listen(port, host);
    const url = `http://${address.family === "IPv6" ? `[${address.address}]` : address.address}:${address.port}/`;
    if (json) terminal.json({ url });
    else terminal.say(`Dashboard of ${safeLine(shownUrl(choice))}: ${url}`);
    await new Promise<void>((resolve) => void onEndSignal(() => resolve()));
    site.close();
    await server.close(GRACE_MS);
    return EXIT.ok;
  } finally {
    await queue.close({ grace: 0 });
  }
}

/** Logs errors that are withheld from viewers to the terminal. */
function loggerTo(terminal: Terminal, { json }: CommonOptions): Logger {
  const say = (what: unknown, error: unknown) =>
    warn(
      terminal,
      { code: errorCodeOf(error), message: `${what} ${error instanceof Error ? error.message : error}` },
      { json },
    );
  return { ...silentLogger, warn: say, error: say };
}

function isLoopback(host: string): boolean {
  return host === "localhost" || (isIP(host) !== 0 && isLoopbackAddress(host));
}
