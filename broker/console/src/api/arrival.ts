/** The code of the sign-in link that this page was opened by. The router keeps the address it begins with: import this before it. */
import { takeCode } from './session'

export const arrivalCode = takeCode(location, history)
