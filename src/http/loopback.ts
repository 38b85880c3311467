/** Host names that only this machine answers to: RFC 6761 keeps `localhost` and what is below it for that. */
const LOOPBACK_NAME = /^(?:[a-z0-9-]+\.)*localhost$/;
const LOOPBACK_V4 = /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/;

/** The name, in lower case, of a host as in a Host header, its port left out; `null` if it is none. */
export function hostNameOf(host: string): string | null {
  const [, name = null] = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/i.exec(host) ?? [];
  return name?.toLowerCase() ?? null;
}

/** Whether a host name can only mean this machine, whoever's name server was asked. */
export function isLoopbackName(name: string): boolean {
  return name === "[::1]" || LOOPBACK_NAME.test(name) || (LOOPBACK_V4.test(name) && isAddress(name));
}

/** Whether an address of a connection is this machine's own. */
export function isLoopbackAddress(address: string): boolean {
  const plain = address.toLowerCase().replace(/^::ffff:/, "");
  return plain === "::1" || (LOOPBACK_V4.test(plain) && isAddress(plain));
}

function isAddress(name: string): boolean {
  return name.split(".").every((part) => Number(part) <= 255);
}
