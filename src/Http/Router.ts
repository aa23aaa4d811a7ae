interface Node<A> {
  readonly steps: Map<string, Node<A>>
  parameter: Node<A> | undefined
  leaf: Leaf<A> | undefined
}

interface Leaf<A> {
  readonly value: A
  readonly names: ReadonlyArray<string>
}

/** What answers a request, and what the request says in its path, decoded. */
export interface Found<A> {
  readonly value: A
  readonly params: Readonly<Record<string, string>>
}

const decoded = (step: string): string | undefined => {
  if (!step.includes("%")) return step
  try {
    return decodeURIComponent(step)
  } catch {
    return undefined
  }
}

/** The steps of a path, decoded; undefined where one is malformed. Empty ones do not count. */
/** The path and the query of a request's target. A whole URL stands there in requests to proxies (RFC 9112, 3.2.2). */
export const originForm = (target: string): string => {
  const url = target.startsWith("/") ? target : target.replace(/^https?:\/\/[^/?#]*/i, "")
  const end = url.indexOf("#")
  return end === -1 ? url : url.slice(0, end)
}

const stepsOf = (url: string): ReadonlyArray<string> | undefined => {
  const end = url.indexOf("?")
  const steps: Array<string> = []
  for (const step of (end === -1 ? url : url.slice(0, end)).split("/")) {
    if (step === "") continue
    const text = decoded(step)
    if (text === undefined) return undefined
    steps.push(text)
  }
  return steps
}

const emptyNode = <A>(): Node<A> => ({ steps: new Map(), parameter: undefined, leaf: undefined })

/**
 * Finds what answers a path such as `/api/v1/schedule/:job_id`, by method. The case of fixed steps, doubled slashes
 * and one at the end say nothing; a fixed step goes before a parameter.
 */
export const makeRouter = <A>(
  routes: Iterable<{ readonly method: string; readonly path: string; readonly value: A }>
) => {
  const roots = new Map<string, Node<A>>()
  for (const { method, path, value } of routes) {
    let node = roots.get(method) ?? emptyNode<A>()
    roots.set(method, node)
    const names: Array<string> = []
    for (const step of path.split("/").filter((one) => one !== "")) {
      if (step.startsWith(":")) {
        names.push(step.slice(1))
        node.parameter ??= emptyNode()
        node = node.parameter
      } else {
        const next = node.steps.get(step.toLowerCase()) ?? emptyNode<A>()
        node.steps.set(step.toLowerCase(), next)
        node = next
      }
    }
    node.leaf = { value, names }
  }

  const walk = (
    node: Node<A>,
    steps: ReadonlyArray<string>,
    at: number,
    values: ReadonlyArray<string>
  ): Found<A> | undefined => {
    const step = steps[at]
    if (step === undefined) {
      if (node.leaf === undefined) return undefined
      const params: Record<string, string> = {}
      for (const [index, name] of node.leaf.names.entries()) params[name] = values[index] ?? ""
      return { value: node.leaf.value, params }
    }
    const next = node.steps.get(step) ?? node.steps.get(step.toLowerCase())
    const found = next === undefined ? undefined : walk(next, steps, at + 1, values)
    if (found !== undefined || node.parameter === undefined) return found
    return walk(node.parameter, steps, at + 1, [...values, step])
  }

  return {
    /** What answers a request; HEAD is answered by what answers GET. */
    find: (method: string, target: string): Found<A> | undefined => {
      const root = roots.get(method === "HEAD" ? "GET" : method)
      const steps = root === undefined ? undefined : stepsOf(target)
      return root === undefined || steps === undefined ? undefined : walk(root, steps, 0, [])
    },
    /** The methods that a path knows. */
    methods: (target: string): ReadonlyArray<string> => {
      const steps = stepsOf(target)
      if (steps === undefined) return []
      return [...roots].filter(([, root]) => walk(root, steps, 0, []) !== undefined).map(([method]) => method)
    }
  } as const
}

/** The parameters of a request's query; one that stands there more than once has all its values. */
export const queryOf = (target: string): Readonly<Record<string, string | Array<string>>> => {
  const query: Record<string, string | Array<string>> = Object.create(null)
  const start = target.indexOf("?")
  if (start === -1) return query
  for (const [name, value] of new URLSearchParams(target.slice(start + 1))) {
    const before = query[name]
    query[name] = before === undefined ? value : [...(typeof before === "string" ? [before] : before), value]
  }
  return query
}
