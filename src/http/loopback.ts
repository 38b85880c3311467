/** `localhost` and its subdomains, which RFC 6761 reserves for loopback. */
const LOOPBACK_NAME = /^(?:[a-z0-9-]+\.)*localhost$/;
const LOOPBACK_V4 = /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/;

/** The name in a Host header's value, in lower case and without the port; `null` if the value is invalid. */
export function hostNameOf(host: string): string | null {
  const [, name = null] = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/i.exec(host) ?? [];
  return name?.toLowerCase() ?? null;
}

/** Whether a host name can only mean this machine, regardless of DNS. */
export function isLoopbackName(name: string): boolean {
  return name === "[::1]" || LOOPBACK_NAME.test(name) || (LOOPBACK_V4.test(name) && isAddress(name));
}

/** Whether a connection's address is a loopback address. */
export function isLoopbackAddress(address: string): boolean {
  const plain = address.toLowerCase().replace(/^::ffff:/, "");
  return plain === "::1" || (LOOPBACK_V4.test(plain) && isAddress(plain));
}

function isAddress(name: string): boolean {
  return name.split(".").every((part) => Number(part) <= 255);
}
