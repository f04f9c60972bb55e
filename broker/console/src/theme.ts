import { ref } from 'vue'

import { remember, remembered } from './remember'

export type Theme = 'system' | 'light' | 'dark'

function known(text: string | null): Theme {
  return text === 'light' || text === 'dark' ? text : 'system'
}

export const theme = ref<Theme>(known(remembered('theme')))

export function setTheme(chosen: Theme) {
  theme.value = chosen
  remember('theme', chosen === 'system' ? null : chosen)
  if (chosen === 'system') delete document.documentElement.dataset['theme']
  else document.documentElement.dataset['theme'] = chosen
}

export function nextTheme() {
  setTheme(theme.value === 'system' ? 'light' : theme.value === 'light' ? 'dark' : 'system')
}
