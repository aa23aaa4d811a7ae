const reserved: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "expect",
  "host",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade"
])

/** What is wrong with a header of a job's `webhook_headers`, if anything: names the header, and never its value. */
export const headerProblem = (name: string, value: string): string | undefined => {
  const plain = name.toLowerCase()
  if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name)) return `${JSON.stringify(name)} is no name of a header`
  if (reserved.has(plain) || plain.startsWith("webhook-"))
    return `the header ${name} is set by the service; leave it out`
  return /[^\t\x20-\x7e\x80-\xff]/.test(value)
    ? `the value of the header ${name} has a line break or another character that no header can carry`
    : undefined
}
