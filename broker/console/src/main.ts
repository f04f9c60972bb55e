import './style/tokens.css'
import './style/base.css'

import { arrivalCode } from './api/arrival'
import { createApp } from 'vue'

import App from './App.vue'
import { onSignedOut } from './api/client'
import { session, signIn } from './api/session'
import { linkFailed } from './api/link_failed'
import { router } from './router'

onSignedOut(() => {
  session.value = null
  void router.push({ name: 'signin', query: { next: router.currentRoute.value.fullPath } })
})

async function start() {
  if (arrivalCode) await signIn({ code: arrivalCode }).catch(() => (linkFailed.value = true))
  createApp(App).use(router).mount('#app')
}

void start()
