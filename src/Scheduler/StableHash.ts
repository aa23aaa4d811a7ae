export { partitionOf, stableHash } from "../StableHash.ts"
