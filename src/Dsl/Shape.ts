import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import { DurationText } from "../Domain/Duration.ts"

/** What a value may look like, as far as its syntax goes. Derived from the schemas, so that both cannot disagree. */
export type Shape =
  | { readonly kind: "string"; readonly examples: ReadonlyArray<string> }
  | { readonly kind: "number" }
  | { readonly kind: "boolean" }
  /** `words` are allowed beside durations. */
  | { readonly kind: "duration"; readonly words: ReadonlyArray<string> }
  | { readonly kind: "seconds" }
  | { readonly kind: "enum"; readonly values: ReadonlyArray<string> }
  /** `orOne`: an item may stand for a list of one. */
  | { readonly kind: "list"; readonly item: Shape; readonly orOne?: boolean }
  | { readonly kind: "record"; readonly value: Shape }
  | { readonly kind: "struct"; readonly fields: Fields }

/** The shapes of a block's keys. */
export type Fields = ReadonlyMap<string, Shape>

const examplesOf = (ast: SchemaAST.AST): ReadonlyArray<string> => {
  const json = Option.getOrUndefined(SchemaAST.getJSONSchemaAnnotation(ast))
  const examples = json !== undefined && "examples" in json ? json.examples : undefined
  return Array.isArray(examples) ? examples.filter((example) => typeof example === "string") : []
}

const literalsOf = (ast: SchemaAST.AST): ReadonlyArray<string> =>
  SchemaAST.isLiteral(ast) && typeof ast.literal === "string"
    ? [ast.literal]
    : SchemaAST.isUnion(ast)
      ? ast.types.flatMap(literalsOf)
      : []

const isDuration = (ast: SchemaAST.AST): boolean => ast === DurationText.ast

const structFields = (ast: SchemaAST.TypeLiteral): Fields =>
  new Map(ast.propertySignatures.map((field) => [String(field.name), shapeOfAst(field.type)]))

const shapeOfAst = (ast: SchemaAST.AST): Shape => {
  if (isDuration(ast)) return { kind: "duration", words: [] }
  switch (ast._tag) {
    case "Refinement": {
      const inner = shapeOfAst(ast.from)
      return inner.kind === "string" ? { kind: "string", examples: examplesOf(ast) } : inner
    }
    case "Transformation":
      return shapeOfAst(ast.from)
    case "Union": {
      const words = literalsOf(ast)
      if (ast.types.some(isDuration)) return { kind: "duration", words }
      if (words.length === ast.types.length) return { kind: "enum", values: words }
      // `undefined` beside the type itself: an optional field.
      const [first, other] = ast.types.filter((type) => !SchemaAST.isUndefinedKeyword(type))
      if (first === undefined) return { kind: "string", examples: [] }
      const shape = shapeOfAst(first)
      return shape.kind === "list" && other !== undefined ? { ...shape, orOne: true } : shape
    }
    case "Literal":
      return { kind: "enum", values: literalsOf(ast) }
    case "NumberKeyword":
      return { kind: "number" }
    case "BooleanKeyword":
      return { kind: "boolean" }
    case "TupleType": {
      const item = ast.elements[0]?.type ?? ast.rest[0]?.type
      return { kind: "list", item: item === undefined ? { kind: "string", examples: [] } : shapeOfAst(item) }
    }
    case "TypeLiteral": {
      const [index] = ast.indexSignatures
      return index === undefined
        ? { kind: "struct", fields: structFields(ast) }
        : { kind: "record", value: shapeOfAst(index.type) }
    }
    default:
      return { kind: "string", examples: [] }
  }
}

/** The keys that a struct schema takes, with their shapes. */
export const fieldsOf = (schema: Schema.Schema.Any): Fields => {
  const shape = shapeOfAst(schema.ast)
  return shape.kind === "struct" ? shape.fields : new Map()
}

/** How a message names what is expected. */
export const describeShape = (shape: Shape): string => {
  switch (shape.kind) {
    case "string":
      return "a string"
    case "number":
      return "a number"
    case "boolean":
      return "true or false"
    case "duration":
      return ['a duration such as "90s", "5m" or "1h30m"', ...shape.words.map((word) => `"${word}"`)].join(" or ")
    case "seconds":
      return 'whole seconds or a duration such as "90s" or "5m"'
    case "enum":
      return `one of ${shape.values.join(", ")}`
    case "list":
      return shape.orOne === true ? `${describeShape(shape.item)} or a list of them` : "a list [ … ]"
    case "record":
    case "struct":
      return "a block { … }"
  }
}
