/** Where a node's page is. A name may be anything that came over the wire; half a surrogate pair cannot be encoded. */
export function nodePath(name: string): string {
  return `/nodes/${encodeURIComponent(name.toWellFormed())}`
}
