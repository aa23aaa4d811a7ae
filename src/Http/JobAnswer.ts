import { encoderOf } from "../Codec.ts"
import { Job } from "../Domain/Job.ts"
import { withoutSecrets } from "../Domain/Redaction.ts"
import { type Answer, json } from "./Answer.ts"
import { etagOf } from "./ResponseHeaders.ts"

const encode = encoderOf(Job)

const answers = new WeakMap<Job, Answer>()

/** A job as the API shows it. The store gives the same object of a job that has not changed, and so the same answer. */
export const jobAnswer = (job: Job): Answer => {
  const known = answers.get(job)
  if (known !== undefined) return known
  const made = json(200, encode(withoutSecrets(job)), { etag: etagOf(job) })
  answers.set(job, made)
  return made
}
