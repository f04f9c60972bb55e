/** Small choices that a browser keeps. Storage may be forbidden: then they last as long as the page. */
export function remembered(key: string): string | null {
  try {
    return localStorage.getItem(`edge.${key}`)
  } catch {
    return null
  }
}

export function remember(key: string, value: string | null) {
  try {
    if (value === null) localStorage.removeItem(`edge.${key}`)
    else localStorage.setItem(`edge.${key}`, value)
  } catch {
    // kept by whoever asked
  }
}
