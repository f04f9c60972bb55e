/** The 34 tiles: equal areas in a fixed layout, no map and no borders. A node's label may say the province in any of these ways. */
import type { Language } from '../words'

export interface Province {
  id: string
  code: string
  short: string
  zh: string
  name: string
  column: number
  row: number
}

// id, GB/T 2260, two letters, 简称, 名称, English, column, row
const TILES = `
heilongjiang 23 HL 黑 黑龙江 Heilongjiang 9 1
neimenggu 15 NM 蒙 内蒙古 Inner_Mongolia 6 2
jilin 22 JL 吉 吉林 Jilin 9 2
xinjiang 65 XJ 新 新疆 Xinjiang 1 3
gansu 62 GS 甘 甘肃 Gansu 3 3
ningxia 64 NX 宁 宁夏 Ningxia 4 3
shanxi 14 SX 晋 山西 Shanxi 5 3
hebei 13 HE 冀 河北 Hebei 6 3
beijing 11 BJ 京 北京 Beijing 7 3
tianjin 12 TJ 津 天津 Tianjin 8 3
liaoning 21 LN 辽 辽宁 Liaoning 9 3
qinghai 63 QH 青 青海 Qinghai 2 4
shaanxi 61 SN 陕 陕西 Shaanxi 4 4
henan 41 HA 豫 河南 Henan 5 4
shandong 37 SD 鲁 山东 Shandong 7 4
xizang 54 XZ 藏 西藏 Tibet 1 5
sichuan 51 SC 川 四川 Sichuan 3 5
chongqing 50 CQ 渝 重庆 Chongqing 4 5
hubei 42 HB 鄂 湖北 Hubei 5 5
anhui 34 AH 皖 安徽 Anhui 6 5
jiangsu 32 JS 苏 江苏 Jiangsu 7 5
shanghai 31 SH 沪 上海 Shanghai 8 5
yunnan 53 YN 云 云南 Yunnan 3 6
guizhou 52 GZ 贵 贵州 Guizhou 4 6
hunan 43 HN 湘 湖南 Hunan 5 6
jiangxi 36 JX 赣 江西 Jiangxi 6 6
zhejiang 33 ZJ 浙 浙江 Zhejiang 7 6
guangxi 45 GX 桂 广西 Guangxi 4 7
guangdong 44 GD 粤 广东 Guangdong 5 7
fujian 35 FJ 闽 福建 Fujian 6 7
taiwan 71 TW 台 台湾 Taiwan 8 7
hainan 46 HI 琼 海南 Hainan 4 8
macao 82 MO 澳 澳门 Macao 5 8
hongkong 81 HK 港 香港 Hong_Kong 6 8`

export const PROVINCES: Province[] = TILES.trim().split('\n').map((row) => {
  const [id, code, letters, short, zh, english, column, line] = row.split(' ') as [string, string, string, string, string, string, string, string]
  return { id, code, short: `${letters} ${short}`, zh, name: english.replace('_', ' '), column: Number(column), row: Number(line) }
})

const known = new Map<string, Province>()
for (const one of PROVINCES) {
  const [letters, sign] = one.short.split(' ') as [string, string]
  for (const key of [one.id, one.code, letters, sign, one.zh, one.name, one.name.replace(' ', '')]) known.set(key.toLowerCase(), one)
}
for (const [key, id] of [['macau', 'macao'], ['hong-kong', 'hongkong'], ['tibet', 'xizang'], ['inner-mongolia', 'neimenggu']] as const) known.set(key, PROVINCES.find((one) => one.id === id)!)

export function provinceOf(label: string): Province | undefined {
  return known.get(label.trim().toLowerCase().replace(/(省|市|壮族自治区|回族自治区|维吾尔自治区|自治区|特别行政区)$/, ''))
}

export function shortName(province: Province, language: Language): string {
  return province.short.split(' ')[language === 'en' ? 0 : 1]!
}

export function fullName(label: string, language: Language): string {
  const province = provinceOf(label)
  if (!province) return label
  return language === 'en' ? province.name : province.zh
}
