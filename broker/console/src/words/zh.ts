import type { ProblemCode } from '../api/client'
import type { Words } from './en'

/** What the API's codes say; its detail stays in English, since it names what was asked. */
const titles: Record<ProblemCode, string> = {
  bad_request: '请求不符合此服务器接受的 HTTP 格式', bad_json: '正文不是 JSON', bad_parameter: '查询参数或请求头有误',
  unauthorized: '需要有效的令牌', denied: '没有权限', not_found: '这里没有内容', method_not_allowed: '该资源不支持此方法', request_timeout: '请求到达得太慢',
  conflict: '与现有内容冲突', too_large: '太大', unsupported_media_type: '正文类型不对', expectation_failed: '无法满足 Expect 的要求',
  invalid_body: '正文要求了无法做到的事', no_match: '选择器没有匹配任何线路', not_lent: '所选线路均不可用于此请求', idempotency_key_reused: '该 Idempotency-Key 已用于其他正文',
  upgrade_required: '此资源使用 WebSocket', too_many_tasks: '未完成的任务太多', too_many_probes: '该目标近期已被探测足够多次', header_too_large: '请求头太大',
  internal: 'broker 内部出错', unavailable: '暂时不可用', insufficient_storage: 'broker 的磁盘已满',
}

export const zh: Words = {
  language: '简体中文',
  product: 'EDGE',
  nav: { label: '页面', overview: '总览', probe: '新探测', runs: '运行记录', jobs: '周期任务', nodes: '节点', lines: '线路', webhooks: 'Webhook' },
  frame: {
    skip: '跳到正文', commands: '搜索或跳转…', theme: '主题', themeSystem: '跟随系统', themeLight: '浅色', themeDark: '深色', otherLanguage: 'English', signOut: '退出登录', shortcuts: '键盘快捷键', close: '关闭', cancel: '取消', back: '返回',
  },
  live: { live: '实时', connecting: '连接中…', retry: (seconds) => `${seconds} 秒后重连`, stale: (since) => `自 ${since} 起未更新`, off: '非实时' },
  signIn: {
    title: '登录', lead: '粘贴此 broker 的 API 令牌。它保存在脚本无法读取的 cookie 中。', token: 'API 令牌', submit: '登录', checking: '验证中…', where: '令牌在哪里？', whereText: '第一个令牌由 edge-broker init 打印。用它可以为此浏览器生成链接：', badToken: '此 broker 不认识该令牌，或令牌已失效。', badLink: '此登录链接已被使用，或已超过十分钟。请生成新链接，或粘贴令牌。', shape: '令牌以 edgep_ 开头。',
  },
  state: {
    up: '正常', degraded: '劣化', down: '中断', unknown: '未知', disabled: '停用', draining: '排空中', stale: '已过期',
    connected: '在线', disconnected: '离线', enrolled: '已登记', locked: '已锁定', revoked: '已吊销',
    queued: '排队中', leased: '已下发', running: '运行中', succeeded: '完成', failed: '失败', timed_out: '超时', canceled: '已取消', expired: '已过期', lost: '丢失', finished: '已结束',
    ok: '正常', partial: '部分成功', refused: '被拒绝',
    active: '生效中', paused: '已暂停', deleted: '已删除',
    enabled: '启用', failing: '投递失败中', pending: '等待中', delivered: '已送达',
  },
  service: { ping: 'Ping', dns: 'DNS', http: 'HTTP' },
  carrier: { ct: '中国电信', cu: '中国联通', cm: '中国移动', cbn: '中国广电', edu: '教育网', bgp: 'BGP', overseas: '海外' },
  probe: {
    title: '新探测', lead: '从您自己的线路发出，每条线路都由内核限定在其上行链路。', service: '类型', target: '目标', targetHint: { ping: '域名或地址', dns: '域名', http: 'URL' }, from: '来源', fromHint: 'all、telecom、carrier:ct -node:gz-1 limit:10', run: '开始探测', starting: '启动中…', options: '选项', fewerOptions: '收起选项',
    matches: (lines, nodes) => `${nodes} 个节点上的 ${lines} 条线路`, away: (nodes) => `${nodes} 个离线`, noMatch: '没有匹配的线路', counting: '统计中…', needTarget: '请填写探测目标。', needFrom: '请填写从哪些线路探测；“all” 表示全部。',
    count: '包数', interval: '间隔（毫秒）', size: '载荷（字节）', timeout: '超时（毫秒）', family: '地址族', any: '不限', type: '记录类型', transport: '传输', server: '服务器', serverHint: '线路自己的解析器', method: '方法', redirects: '跟随重定向次数', verify: '校验证书', keepBody: '保留正文（字节）', connectTo: '连接到', connectToHint: '用此地址代替解析', repeat: '每条线路次数', recent: '最近的运行',
    when: '时间安排', once: '一次', every: '每隔', cron: 'Cron', unit: '单位', units: { s: '秒', m: '分钟', h: '小时' }, cronHint: '*/5 8-18 * * mon-fri', zone: '时区', zoneHint: 'UTC', schedule: '开始', needEvery: '请填写间隔（整数）。', needCron: '请填写时间：分 时 日 月 星期。',
    says: (when) => `${when}运行，直到暂停或删除。`,
  },
  run: {
    title: '运行', unknown: '没有此编号的运行。', lostStream: '目前无法实时跟踪；显示的是目前收到的内容。', cancel: '停止', again: '再次运行', otherTarget: '换个目标', onlyFailed: '仅在失败线路上重试', notSayable: '选择器无法准确表示失败的线路，因此没有启动任何探测。请用 node:… line:… 从其中一部分重试。', progress: (done, total) => `已完成 ${done}/${total}`, byCarrier: '按运营商', lines: '线路', output: '输出',
    leftOut: (count) => `选中的 ${count} 条线路被略过，因为其节点会拒绝`, awayNodes: (count) => `${count} 个节点离线，其任务在等待`,
    node: '节点', line: '线路', carrier: '运营商', state: '状态', time: '耗时', loss: '丢包', answer: '应答', evidence: '证据', started: '开始于', ok: '成功', min: '最小', median: 'p50', p95: 'p95', max: '最大', resolved: '应答地址', verified: '已验证', notVerified: '未验证', noOutput: '还没有输出。', moreOutput: (count) => `更早的 ${count} 行`, attempt: (n) => `第 ${n} 次尝试`, was: '等待', tasks: '任务', ofJob: '属于周期任务', recovered: '已恢复', recoveredText: '已恢复：broker 的存储来自一份不含此运行的备份。它由节点重新发送的结果重建，只包含结果已到达的任务。',
  },
  result: {
    title: '结果', unknown: '没有此编号的结果。', what: '请求内容', from: '来源', to: '目标', when: '时间', took: '耗时', queued: '在节点上等待', of: '所属运行', evidence: '证据', evidenceLead: '为何确知它经由此线路发出。', source: '源', destination: '目的', device: '设备', mark: '标记', table: '路由表', route: '内核路由', enforced: '约束方式', verified: '已验证', mismatch: '不一致',
    route_via: (gateway, device) => `经 ${gateway}，${device}`, route_direct: (device) => `经 ${device}`,
    failure: '失败', failurePhase: (phase) => `阶段：${phase}`, failureSource: { target: '目标', resolver: '解析器', path: '路径', line: '线路', agent: '代理', policy: '节点策略' },
    superseded: '另一次尝试取代了此结果。', truncated: '详情超出链路承载上限，已被截断。', raw: 'JSON',
    ping: { replies: '往返时间', sent: '发送', received: '收到', lost: '丢失', duplicate: '重复', late: '迟到', seq: '序号', rtt: '往返', ttl: 'TTL', note: '备注', noReply: '无应答', chart: (n, lost) => `${n} 个包的往返时间，其中 ${lost} 个无应答`, table: '以表格显示' },
    dns: { question: '问题', answer: '应答', authority: '权威', additional: '附加', none: '没有记录。', server: '服务器', flags: '标志', size: '大小', tries: '尝试', ignored: '忽略的报文', ttl: 'TTL', type: '类型', name: '名称', data: '数据', more: '应答中的记录多于保留数量。' },
    http: { waterfall: '时间去向', hop: (n) => `第 ${n} 个请求`, resolve: '解析', connect: '连接', tls: 'TLS', first_byte: '等待', transfer: '传输', headers: '响应头', tlsFacts: '证书', subject: '主体', issuer: '颁发者', until: '有效期至', verified: '已验证', notVerified: '未验证', body: '正文', bodyCut: '正文未完，仅保留开头。', peer: '对端', protocol: '协议', noHops: '没有发出请求。' },
    resolvedTo: '解析为',
  },
  overview: {
    title: '总览', nodes: '在线节点', linesUp: '正常线路', linesDegraded: '劣化', linesDown: '中断', linesUnknown: '未知', runsRunning: '进行中的运行', results: '结果', perSecond: (value) => `${value}/秒`, tiles: '省份与运营商', tilesLead: '每格为一个省份，格中每条为一家运营商。数字为最近五分钟。', metric: '显示', byState: '状态', byRtt: '时延', byLoss: '丢包', table: '按省份与运营商', province: '省份', carrier: '运营商', lines: '线路', up: '正常', degraded: '劣化', down: '中断', unknown: '未知', rtt: '时延', loss: '丢包', noProvince: '未标省份', elsewhere: '其他地区', empty: '还没有节点加入。', emptyHow: '生成加入令牌，在机器上交给 edge-agent enroll。', noData: '近期无结果',
  },
  nodes: {
    title: '节点', name: '名称', state: '状态', place: '位置', lines: '线路', version: '代理版本', seen: '最近可见', rtt: '链路', search: 'province:guangdong -state:connected', empty: '还没有节点加入。', none: '没有匹配项。', busy: '暂不出借', uplink: '上行', bound: { host: '按主机路由', launcher: '由 edge-launcher 绑定', cooperative: '协作绑定' }, byRequests: '通过 HTTPS 请求', facts: '信息', id: '编号', enrolled: '登记于', connected: '连接于', clock: '时钟偏差', policy: '策略', labels: '标签', events: '事件', usage: '机器', noUsage: '尚未上报机器信息。', noEvents: '暂无。', cpu: '处理器', memory: '可用内存', disk: '可用磁盘', load: '负载', of: (whole) => `共 ${whole}`, sent: '发送', received: '接收', perMinute: '最近一分钟', testLine: '从这里探测', unknown: '没有此节点。', event: { connected: '已连接', disconnected: '已断开', locked: '已锁定', line_state: '线路状态', line_identity: '线路归属', results_gap: '放弃了结果', store_behind: '领先于存储', approved: '已批准', revoked: '已吊销', key_changed: '已换新密钥', uplink: '上行变更', spool_replaced: '缓存损坏或丢失' }, shutOut: '拒绝接入', pendingText: '等待管理员批准；在此之前不会收到任何任务。', token: '加入令牌', approve: '批准', reject: '拒绝', rejectText: (name) => `${name} 不被接入，其密钥不再有效。为其名称创建的加入令牌可使其恢复。`, revoke: '吊销', revokeText: (name) => `${name} 的会话立即结束，其密钥不再有效。为其名称创建的加入令牌可使其以新密钥恢复。`, rotateKey: '更换密钥', rotateTold: '已要求其更换密钥；离线时在其上线后进行。', eventLine: (line, was, became) => (was ? `${line}：${was} → ${became}` : `${line}：${became}`),
  },
  lines: { title: '线路', line: '线路', node: '节点', carrier: '运营商', state: '状态', device: '设备', address: '地址', egress: '出口', enforced: '约束', search: 'carrier:ct -state:up', reason: '原因', resolvers: '解析器', checks: '检查' },
  webhooks: {
    title: 'Webhook', lead: '以签名的 HTTP 消息将这里发生的事告知您的程序。', add: '新建 Webhook', create: '创建 Webhook', save: '保存', edit: '编辑',
    empty: '还没有 Webhook。', emptyHow: '它按 Standard Webhooks 规范将发生的事告知您的程序。', unknown: '没有此编号的 Webhook。',
    url: 'URL', needUrl: '请填写消息发往哪里。', description: '说明', state: '状态', why: '停用原因', failingSince: '开始失败', made: '创建于',
    events: '事件', eventsLead: '不选即全部', allEvents: '全部事件', eventCount: (n, all) => `${n}/${all}`,
    selector: '哪些线路', selectorHint: 'carrier:ct -node:gz-1', selectorAll: '留空：所有节点和线路。', allLines: '全部',
    event: {
      'io.edge.result.v1': '结果已存储', 'io.edge.run.finished.v1': '运行结束', 'io.edge.node.state_changed.v1': '节点状态变化', 'io.edge.line.state_changed.v1': '线路状态变化',
      'io.edge.node.enrolled.v1': '节点登记', 'io.edge.webhook.disabled.v1': 'Webhook 停用', 'io.edge.test.v1': '测试',
    },
    secret: '密钥', secretOnce: '仅显示这一次。接收方用它验证消息签名。',
    oldSecret: '旧密钥', oldSecretUntil: (until) => `在 ${until} 之前，消息同时用旧密钥签名`, expires: '自动删除',
    rotate: '轮换密钥', rotateText: '将生成新密钥并仅显示一次。一天之内消息同时用新旧密钥签名，便于接收方切换。',
    enable: '启用', disable: '停用', remove: '删除', removeText: (url) => `不再向 ${url} 发送任何消息；等待中的消息被丢弃。此操作无法撤销。`, test: '发送测试',
    deliveries: '投递记录', noDeliveries: '尚未发送任何消息。', any: '全部', since: '自', until: '至', eventType: '事件', subject: '对象', attempts: '尝试次数', answer: '最近应答', nextTry: '下次尝试', overdue: '等待轮到',
    replay: '重新投递', replayFailed: '重新投递全部失败项', replayShown: '重新投递此时段', replayed: (n) => `${n} 条投递将再尝试一次。`,
    unknownDelivery: '没有此编号的投递；投递记录保留 14 天。', message: '消息', noAttempts: '尚未尝试。', times: '用时', request: '请求', responseHead: '响应头', responseBody: '响应正文（开头部分）',
  },
  runs: { title: '运行记录', service: '类型', target: '目标', from: '来源', state: '状态', done: '完成', at: '开始', search: 'service:ping target:www', empty: '还没有运行过。', withoutScrapes: '未列出由 /probe 抓取产生的运行。', showScrapes: '显示' },
  jobs: {
    title: '周期任务', job: '周期任务', lead: '由节点自行按同一时刻执行，broker 不在时也照常进行。', add: '新建周期任务', search: 'service:ping target:www state:active',
    empty: '还没有周期任务。', emptyHow: '在发起探测处选择“每隔”或“Cron”即可创建。', unknown: '没有此编号的任务。',
    what: '目标', service: '类型', from: '来源', when: '时间安排', state: '状态', lines: '线路数', next: '下次', last: '最近运行', open: '查看', none: '尚无', due: '即将执行', onceText: '此任务只运行一次，并不重复。',
    pause: '暂停', resume: '恢复', remove: '删除', removeText: (target) => `${target} 不再有新的运行；进行中的运行会继续，已有的运行记录保留。`, like: '新建类似任务',
    nextTicks: '接下来的时刻', window: '时段', jitter: '最多延后', jitterText: (time) => `${time}，每条线路各有固定的时刻`, starts: '不早于', stops: '早于', params: '选项', repeat: '每条线路次数', align: '同时开始', alignText: '同一节点的所有线路同时开始', revision: '修订', since: (n, at) => `第 ${n} 版，自 ${at}`, made: '创建于', runs: '运行记录', noRuns: '尚未到任何时刻。',
    schedule: {
      everySeconds: (n) => (n === 1 ? '每秒' : `每 ${n} 秒`), everyMinutes: (n) => (n === 1 ? '每分钟' : `每 ${n} 分钟`), everyHours: (n) => (n === 1 ? '每小时' : `每 ${n} 小时`), everyDays: (n) => (n === 1 ? '每天' : `每 ${n} 天`),
      hourly: (minute) => `每小时第 ${minute} 分`, daily: (time) => `每天 ${time}`, weekly: (days, time) => `${days} ${time}`, monthly: (day, time) => `每月 ${day} 日 ${time}`, cron: (text) => `按 cron ${text}`, between: (from, to) => `${from} 至 ${to}`, inZone: (zone) => `（${zone}）`, and: '、',
    },
  },
  table: { filter: '筛选', total: (n) => `共 ${n.toLocaleString('zh-CN')} 条`, more: '显示更多', sortBy: (column) => `按${column}排序`, export: '导出', csv: 'CSV', ndjson: 'JSON 行' },
  copy: { copy: '复制', link: '链接', curl: 'curl', edgectl: 'edgectl', json: 'JSON', copied: '已复制' },
  problem: { titles, unreachable: 'broker 没有应答。', unreachableDetail: '它可能正在重启，或中间网络不通。', retry: '重试', request: '请求', title: '操作未成功' },
  keys: { title: '键盘快捷键', search: '聚焦筛选框', probe: '新探测', palette: '搜索或跳转', overview: '前往总览', nodes: '前往节点', lines: '前往线路', runs: '前往运行记录', jobs: '前往周期任务', webhooks: '前往 Webhook', help: '本说明', next: '下一行', previous: '上一行', open: '打开该行', run: '开始探测', enabled: '启用单键快捷键', then: '然后' },
  palette: { title: '搜索或跳转', placeholder: '页面、节点、run_…、res_…、job_…、hook_…，或 ping example.com', none: '没有此名称。', go: '前往', node: '节点', probe: '探测' },
  notFound: { title: '这里没有内容', text: '控制台没有此页面。' },
}
