#include "agent/site_report/site_page.hpp"

#include <cstdio>

#include "protocol/launcher/netns_command.hpp"

namespace edge::agent {
namespace {

struct Text {
    const char *en, *zh;
};

class Page {
  public:
    explicit Page(Language language) : language_(language) {}

    std::string of(Text text) const { return language_ == Language::en ? text.en : text.zh; }
    void heading(Text text) { out_ += "\n## " + of(text) + "\n\n"; }
    void say(const std::string& text) { out_ += text + "\n"; }
    void item(const std::string& what, const std::string& undo, const std::string& note = {}, bool as_root = false) {
        out_ += "- `" + what + "`" + (note.empty() ? "" : ": " + note) + "\n";
        const Text label = as_root ? Text{"undo, as root: ", "撤销 (需 root): "} : Text{"undo: ", "撤销: "};
        if (!undo.empty()) out_ += "  " + of(label) + "`" + undo + "`\n";
    }
    void none() { say(of({"None.", "无。"})); }
    std::string take() { return std::move(out_); }

  private:
    Language language_;
    std::string out_;
};

std::string hex(std::uint32_t value) {
    char text[16];
    std::snprintf(text, sizeof text, "0x%x", value);
    return text;
}

void show_programs(Page& page, const SiteFacts& facts) {
    page.heading({"Programs that run", "运行中的程序"});
    const auto show = [&](const char* name, const SiteProgram& program) {
        if (program.pid == 0)
            return page.say(std::string("- ") + name + ": " + page.of({"does not run here", "未在此运行"}));
        std::string text = std::string("- ") + name + ": pid " + std::to_string(program.pid);
        if (!program.file.empty()) text += ", `" + program.file + "`";
        if (!program.unit.empty()) text += page.of({", started by systemd as ", "，由 systemd 启动: "}) + program.unit;
        page.say(text);
    };
    show("edge-agent", facts.agent);
    show("edge-launcher", facts.launcher);
    if (const auto stop = stop_command(facts); !stop.empty())
        page.say("  " + page.of({"undo: ", "撤销: "}) + "`" + stop + "`");
}

std::string held_by(const SiteLine& line, const Page& page) {
    if (line.enforced_by == "cooperative")
        return page.of(
            {"cooperative: held by routes, and by edge-probe, which binds its own sockets; not by the kernel",
             "cooperative: 依靠路由以及 edge-probe 自行绑定套接字，内核不约束"});
    return page.of({"held by ", "由内核约束: "}) + line.enforced_by;
}

void show_lines(Page& page, const SiteFacts& facts) {
    page.heading({"Lines", "线路"});
    if (!facts.unheard.empty()) {
        page.say(
            page.of({"Not told: ", "未知: "}) + facts.unheard +
            page.of({". So lines, the workers' uids and limits, and the launcher's own files are not on this page.",
                     "。因此本页不含线路、工作进程的 uid 与限额以及 launcher 自身的文件。"}));
        return;
    }
    page.say(
        page.of({"Their devices and addresses are the machine's own, but for those that are said to be made by EDGE.",
                 "除注明由 EDGE 创建的以外，设备和地址均为本机原有。"}));
    for (const auto& line : facts.lines) {
        std::string all;
        for (const auto& address : line.addresses) all += " " + address;
        const std::string mark = line.mark == 0 ? "" : ", mark " + hex(line.mark);
        page.say("- `" + line.name + "`: " + line.device + all + mark + ", table " + std::to_string(line.table) + ", " +
                 held_by(line, page));
        if (!line.netns.empty())
            page.say("  " + page.of({"in network namespace ", "位于网络命名空间 "}) + "`" + line.netns + "`");
        if (!line.parent.empty())
            page.say("  " + page.of({"made by EDGE: macvlan on ", "由 EDGE 创建的 macvlan，基于 "}) + "`" +
                     line.parent + "`");
    }
    if (facts.lines.empty()) page.none();
}

using Shown = std::vector<std::string> SiteSpace::*;

/// Both families of all namespaces, each with its undoing; the machine's own first.
void show_routing_of(Page& page, const SiteFacts& facts, Shown four, Shown six,
                     std::string (*undo)(const std::string& shown, bool v6)) {
    bool none = true;
    for (const auto& space : facts.spaces) {
        const auto inside = launcher::inside_netns(space.netns);
        const auto where = space.netns.empty() ? "" : page.of({"in ", "位于 "}) + "`" + space.netns + "`";
        for (const bool v6 : {false, true})
            for (const auto& shown : space.*(v6 ? six : four)) {
                const auto command = undo(shown, v6);
                page.item(shown, command.empty() ? command : inside + command, where, facts.by_user);
                none = false;
            }
    }
    if (none) page.none();
}

void show_routing(Page& page, const SiteFacts& facts) {
    page.heading({"Routing rules", "路由规则"});
    page.say(
        facts.by_user
            ? page.of({"What leads into the lines' tables, and out of them, is root's; it stays when EDGE is stopped, "
                       "and may be removed where it was added for EDGE alone.",
                       "通往线路路由表的规则及表中的默认路由由 root 管理，停止 EDGE 后仍会保留；仅为 EDGE "
                       "添加的可以删除。"})
            : page.of({"edge-launcher takes its rules, routes and devices away when it is stopped; the commands "
                       "are for what is there all the same.",
                       "edge-launcher 停止时会移除其规则、路由和设备；以下命令用于移除仍然存在的部分。"}));
    show_routing_of(page, facts, &SiteSpace::rules4, &SiteSpace::rules6, undo_of_rule);
    page.heading({"Routes", "路由"});
    show_routing_of(page, facts, &SiteSpace::routes4, &SiteSpace::routes6, undo_of_route);
    page.heading({"Devices", "网络设备"});  // behind the routes, which go with them
    for (const auto& device : facts.devices)
        page.item(device.name, "ip link del " + device.name,
                  page.of({"a macvlan that EDGE made on ", "由 EDGE 创建的 macvlan，基于 "}) + device.parent);
    if (facts.devices.empty()) page.none();
}

void show_guards(Page& page, const SiteFacts& facts) {
    page.heading({"Control groups and guards", "控制组与内核约束"});
    page.say(
        page.of({"A BPF guard is programs on a line's group, and goes with the group; an nftables guard is a table.",
                 "BPF 约束程序附着在线路的控制组上，随控制组一并移除；nftables 约束是一张表。"}));
    const auto stop = stop_command(facts);
    const auto undo = (stop.empty() ? "" : stop + "; ") + cleanup_command(facts);
    for (const auto& group : facts.groups) page.item(group, {});
    if (!facts.groups.empty()) page.say(page.of({"\nundo: ", "\n撤销: "}) + "`" + undo + "`\n");
    if (facts.nft_table)
        page.item("table inet edge_launcher", "nft delete table inet edge_launcher", page.of({"nftables", "nftables"}));
    if (facts.groups.empty() && !facts.nft_table) page.none();
}

void show_users(Page& page, const SiteFacts& facts) {
    page.heading({"Users and limits", "用户与限额"});
    const auto uid = "uid " + std::to_string(facts.agent_uid);
    if (facts.agent_user.empty() || facts.agent_uid == 0)
        page.say("- " + uid + ": " + page.of({"the agent's; nothing was made for it", "agent 所用，未为其创建用户"}));
    else
        page.item(facts.agent_user, "userdel " + facts.agent_user,
                  uid + page.of({", the agent's user", "，agent 的用户"}));
    if (facts.last_uid == 0) return;
    if (facts.by_user)
        return page.say(
            "- uid " + std::to_string(facts.first_uid) + ": " +
            page.of(
                {"edge-launcher's and each worker's as well; nothing limits their CPU, memory or processes, nor what "
                 "a line sends: it runs without root",
                 "edge-launcher 与各工作进程亦用此 uid；因未以 root 运行，其 CPU、内存、进程数及线路流量均无限额"}));
    page.say("- uid " + std::to_string(facts.first_uid) + "-" + std::to_string(facts.last_uid) + ": " +
             page.of({"one for each worker while it runs; none is in /etc/passwd, none owns a file",
                      "每个工作进程运行时占用一个，不写入 /etc/passwd，不拥有任何文件"}));
    page.say("- " + page.of({"each worker at most: ", "每个工作进程上限: "}) + "CPU " +
             std::to_string(facts.cpu_percent) + " %, " + std::to_string(facts.memory_mb) + " MiB, " +
             std::to_string(facts.pids) +
             page.of({" processes; after all other work of the host", " 个进程；优先级低于本机其他任务"}));
    const auto ceiling = [&](std::uint64_t value, const char* unit) {
        return value == 0 ? page.of({"no ceiling", "无上限"}) + " (" + unit + ")" : std::to_string(value) + " " + unit;
    };
    page.say("- " + page.of({"each line sends at most: ", "每条线路发送上限: "}) + ceiling(facts.bytes_per_s, "B/s") +
             ", " + ceiling(facts.packets_per_s, "packets/s") + "\n  " + page.of({"change: ", "修改: "}) + "`[line]` " +
             page.of({"of", "见"}) + " `policy.toml`");
}

std::string what_is(SiteFileKind kind, const Page& page) {
    switch (kind) {
        case SiteFileKind::configuration:
            return page.of({"configuration", "配置"});
        case SiteFileKind::node_state:
            return page.of({"the node's key, its broker, results not yet sent", "节点密钥、所属 broker、未发送的结果"});
        case SiteFileKind::line_counts:
            return page.of({"bytes of the lines' day and month", "线路的日、月流量计数"});
        case SiteFileKind::socket:
            return page.of({"edge-launcher's socket", "edge-launcher 的套接字"});
        case SiteFileKind::lock:
            return page.of({"edge-launcher's lock", "edge-launcher 的锁文件"});
        case SiteFileKind::folder:
            return page.of({"nothing but EDGE's is in it", "其中只有 EDGE 的文件"});
        case SiteFileKind::unit:
        case SiteFileKind::unit_changes:
            return page.of(
                {"for systemd; then `systemctl daemon-reload`", "systemd 单元；之后执行 `systemctl daemon-reload`"});
        case SiteFileKind::program:
            break;
    }
    return page.of({"program", "程序"});
}

void show_rest(Page& page, const SiteFacts& facts) {
    page.heading({"Kernel settings", "内核参数"});
    page.say(page.of({"EDGE changes none. It needs these, which the operator sets; look into /etc/sysctl.d, too:",
                      "EDGE 不修改内核参数。以下各项由运维人员设置，另见 /etc/sysctl.d:"}));
    for (const auto& space : facts.spaces) {
        if (space.ping_group_range.empty()) continue;
        const auto where = space.netns.empty() ? "" : page.of({"in ", "位于 "}) + "`" + space.netns + "`; ";
        page.item("net.ipv4.ping_group_range = " + space.ping_group_range, undo_of_ping(facts, space),
                  where + page.of({"`1 0` is the kernel's default", "内核默认为 `1 0`"}), facts.by_user);
    }
    for (const auto& device : facts.arp_ignore)
        page.item(
            "net.ipv4.conf." + device + ".arp_ignore", undo_of_arp(device),
            page.of({"for the macvlan on it; `0` is the kernel's default", "供其上的 macvlan 使用；内核默认为 `0`"}));
    page.heading({"Network", "网络"});
    page.say(
        page.of({"It listens on no port. One outbound TLS connection: ", "不监听任何端口。唯一的出站 TLS 连接: "}) +
        (facts.broker.empty() ? page.of({"none; not joined", "无；尚未注册"}) : "`" + facts.broker + "`"));
    page.heading({"Files", "文件"});
    for (const auto& file : facts.files)
        page.item(file.path, undo_of(file, facts), what_is(file.kind, page), file.needs_root);
    page.heading({"Everything at once", "全部移除"});
    page.say("```");
    for (const auto& command : removal_commands(facts)) page.say(command);
    page.say("```");
}

}  // namespace

std::string site_page(const SiteFacts& facts, Language language) {
    Page page(language);
    page.say("# " + page.of({"What EDGE has put on ", "EDGE 在本机上的全部内容: "}) + facts.host);
    page.say("\n" +
             page.of({"As it stands now, from the kernel and edge-launcher. Kernel ",
                      "以下为当前实际状态，来自内核和 edge-launcher。内核 "}) +
             facts.kernel + page.of({".", "。"}));
    if (!facts.as_root && !facts.by_user)
        page.say(page.of({"Not everything can be seen without root: run this as root.",
                          "非 root 用户无法看到全部内容，请以 root 运行。"}));
    show_programs(page, facts);
    show_lines(page, facts);
    show_routing(page, facts);
    show_guards(page, facts);
    show_users(page, facts);
    show_rest(page, facts);
    return page.take();
}

}  // namespace edge::agent
