// Files that are made where none is, all of them or none.
#pragma once
#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.hpp"

namespace edge::agent {

/// Owner and mode of a new file.
struct FileRights {
    uid_t uid = 0;
    gid_t gid = 0;
    mode_t mode = 0644;
};

/// Takes back what it made, unless keep() was said.
class NewFiles {
  public:
    NewFiles() = default;
    NewFiles(const NewFiles&) = delete;
    NewFiles& operator=(const NewFiles&) = delete;
    ~NewFiles() { take_back(); }

    /// False: it is there already. Errors: io, of its path.
    Result<bool> make_folder(const std::string& path, const FileRights& rights);
    /// False: there is something of that name, which stays as it is. A crash leaves all of the file or none of it.
    /// Errors: io, of its path.
    Result<bool> write(const std::string& path, std::string_view text, const FileRights& rights);

    const std::vector<std::string>& made() const { return made_; }
    void take_back();
    void keep() { made_.clear(); }

  private:
    std::vector<std::string> made_;
};

}  // namespace edge::agent
