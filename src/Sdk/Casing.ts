import * as AST from "effect/SchemaAST"

type Camel<Key> = Key extends `${infer Head}_${infer Tail}` ? `${Head}${Capitalize<Camel<Tail>>}` : Key

type Sendable<T> = T extends object ? AnyCase<T> : T

type SnakeKeys<T> = {
  readonly [Key in keyof T]: {} extends Pick<T, Key> ? Sendable<T[Key]> | undefined : Sendable<T[Key]>
}

type CamelKeys<T> = {
  readonly [Key in keyof T as Camel<Key>]: {} extends Pick<T, Key> ? Sendable<T[Key]> | undefined : Sendable<T[Key]>
}

/**
 * What may be sent where the API takes a `T`: its keys in snake_case or in camelCase, at every depth, but in maps whose
 * keys are the caller's. What is undefined is left out.
 */
export type AnyCase<T> =
  T extends ReadonlyArray<unknown>
    ? { readonly [Index in keyof T]: Sendable<T[Index]> }
    : T extends object
      ? string extends keyof T
        ? T
        : SnakeKeys<T> | CamelKeys<T>
      : T

const structsOf = (ast: AST.AST): ReadonlyArray<AST.TypeLiteral> => {
  switch (ast._tag) {
    case "TypeLiteral":
      return [ast]
    case "Union":
      return ast.types.flatMap(structsOf)
    case "Refinement":
    case "Transformation":
      return structsOf(ast.from)
    case "Suspend":
      return structsOf(ast.f())
    default:
      return []
  }
}

const itemsOf = (ast: AST.AST): ReadonlyArray<AST.AST> => {
  switch (ast._tag) {
    case "TupleType":
      return [...ast.elements, ...ast.rest].map(({ type }) => type)
    case "Union":
      return ast.types.flatMap(itemsOf)
    case "Refinement":
    case "Transformation":
      return itemsOf(ast.from)
    default:
      return []
  }
}

const snakeCase = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

const isPlain = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value)
  // That of objects of another realm has none above it, either.
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

/**
 * A request with the keys that the schema has. Others stay as they are: maps have keys of their own, and the service
 * names those it does not know. Dates become ISO 8601 text; of other classes, what is sent is for them to say.
 */
export const toSnakeKeys = (ast: AST.AST, value: unknown): unknown => {
  if (Array.isArray(value)) {
    const items = itemsOf(ast)
    return items.length === 0 ? value : value.map((item) => toSnakeKeys(AST.Union.make(items), item))
  }
  if (value instanceof Date) return value.toISOString()
  if (typeof value !== "object" || value === null || !isPlain(value)) return value
  const fields = structsOf(ast).flatMap(({ propertySignatures }) => propertySignatures)
  const typesOf = (key: string) => fields.filter(({ name }) => name === key).map(({ type }) => type)
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      const snake = snakeCase(key)
      const name = typesOf(key).length === 0 && typesOf(snake).length > 0 && !(snake in value) ? snake : key
      return [name, toSnakeKeys(AST.Union.make(typesOf(name)), item)]
    })
  )
}
