/** The words in the language that was chosen; names of carriers and provinces, which the API leaves as codes. */
import { computed, ref, watchEffect } from 'vue'

import { remember, remembered } from '../remember'
import { visible } from '../result/fields'
import { en, type Words } from './en'
import { zh } from './zh'

export type Language = 'en' | 'zh-CN'

function preferred(): Language {
  const said = remembered('language') ?? navigator.language
  return said.toLowerCase().startsWith('zh') ? 'zh-CN' : 'en'
}

export const language = ref<Language>(preferred())
export const words = computed<Words>(() => (language.value === 'en' ? en : zh))

watchEffect(() => {
  document.documentElement.lang = language.value
})

export function switchLanguage() {
  language.value = language.value === 'en' ? 'zh-CN' : 'en'
  remember('language', language.value)
}

const collator = computed(() => new Intl.Collator(language.value, { numeric: true }))
export const compareNames = (a: string, b: string) => collator.value.compare(a, b)

export function carrierName(code: string): string {
  return (words.value.carrier as Record<string, string>)[code] ?? (visible(code) || '–')
}

/** A level as policies and doctor name it; the same in every language. */
export function levelName(enforcedBy: string): string {
  return enforcedBy === 'bpf' || enforcedBy === 'nft' ? `${enforcedBy}-guard` : enforcedBy
}

export function stateName(state: string): string {
  return (words.value.state as Record<string, string>)[state] ?? state
}
