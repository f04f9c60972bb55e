#include "cli/exit_codes.hpp"

#include "cli/show/text.hpp"

namespace edge::cli {

std::string exit_codes_text() {
    return "Exit codes of edgectl\n"
           "    0  did what was asked\n"
           "    1  an error: the broker cannot be reached, or answered something else\n"
           "    2  the command line, a value in it or the environment is wrong\n"
           "    3  the run finished and lines failed, expired, were left out or, while it was followed, canceled\n"
           "       (--fail-on any, all or none says how many it takes)\n"
           "    4  the token is missing, unknown or not allowed\n"
           "    5  there is no such node, line, run or path\n"
           "    6  it clashes with what is there\n"
           "    7  --timeout passed first; the run goes on\n"
           "    8  the selector matches no line, or none that may be asked for this\n"
           "  130  interrupted by Ctrl-C; the run goes on, or was canceled by a second one\n";
}

std::string text_of(const Trouble& trouble) {
    std::string text = "edgectl: " + printable(trouble.what) + "\n";
    if (!trouble.next.empty()) text += "  " + printable(trouble.next) + "\n";
    if (!trouble.request_id.empty()) text += "  request " + printable(trouble.request_id) + "\n";
    return text;
}

}  // namespace edge::cli
