/** One clock for all ages on the page. */
import { ref } from 'vue'

export const now = ref(Date.now())
setInterval(() => {
  if (!document.hidden) now.value = Date.now()
}, 1000)
