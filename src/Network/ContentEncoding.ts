/** The encoding by which a body is no text as it stands, such as `gzip`; undefined where it is one. */
export const contentEncoding = (headers: Readonly<Record<string, string>>): string | undefined => {
  const encoding = headers["content-encoding"]?.trim().toLowerCase() ?? ""
  if (encoding === "" || encoding === "identity") return undefined
  // What is no name of an encoding is not repeated.
  return /^[a-z0-9][a-z0-9., _-]{0,39}$/.test(encoding) ? encoding : "of an unknown kind"
}
