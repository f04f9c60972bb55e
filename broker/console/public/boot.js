// Before the first paint: the theme and language that were chosen, so that nothing flashes.
try {
  const theme = localStorage.getItem('edge.theme')
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
  const language = localStorage.getItem('edge.language') ?? navigator.language
  document.documentElement.lang = language.toLowerCase().startsWith('zh') ? 'zh-CN' : 'en'
} catch {
  // Storage may be forbidden; then it is the system's theme.
}
