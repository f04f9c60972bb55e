import { ref } from 'vue'

/** The page was opened by a sign-in link that is good no more. */
export const linkFailed = ref(false)
