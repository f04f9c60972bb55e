// A lock that only root can hold, known by name. flock(2) asks for no right but to open a file, so one on what
// everybody may open, such as a network namespace or a group's directory, can be held by everybody.
#pragma once
#include <functional>
#include <string>

#include "agent/launcher/os/fd.hpp"
#include "protocol/result.hpp"

namespace edge::launcher {

/// Owns: the lock, and its file, mode 0600 in a folder of root's; both go with it, the lock with the process.
class LockFile {
  public:
    /// `note` stays in the file when its holder is killed. Errors: unavailable (it is held), conflict (by this very
    /// process), io.
    static Result<LockFile> take(const std::string& name, const std::string& note = {});
    /// A file of our own in a folder where nobody else writes. Errors: as take.
    static Result<LockFile> take_at(const std::string& path, const std::string& note = {});
    /// Calls `undo` with the note of each whose holder was killed; one for which it is true is forgotten.
    static void clear_left(const std::function<bool(const std::string& note)>& undo);
    LockFile(LockFile&&) = default;
    LockFile& operator=(LockFile&&) = delete;
    ~LockFile();

  private:
    LockFile(std::string path, Fd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
    std::string path_;
    Fd fd_;
};

/// Where locks meet whose holders know nothing of each other: made if it is not there, ends in a slash. Errors: io.
Result<std::string> lock_folder();

/// Is the file of this path still the open one?
bool is_in_place(const Fd& file, const std::string& path);

}  // namespace edge::launcher
