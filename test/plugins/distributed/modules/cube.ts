import { defineSpace, integer, product } from 'archloom'

export const space = defineSpace('cubes', product({ x: integer(0, 9) }))
export const evaluator = ({ x }: { readonly x: number }) => ({ value: x ** 3 })
