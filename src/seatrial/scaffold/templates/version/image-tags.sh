# shellcheck shell=sh
# The image's names, from git and CI. The Makefile and the CI files ask here, so all say the same.
#
#   sh scripts/image-tags.sh            tags, one a line, the most exact first:
#     tag v1.4.2        1.4.2; and 1.4, 1, latest, each where no newer release has it
#     tag v1.5.0-rc.1   1.5.0-rc.1
#     default branch    edge, sha-<12 digits>
#     other branch      its name, made legal, with a hash where that changed it
#     pull request      pr-<number>
#     changed files     -dirty after each
#   sh scripts/image-tags.sh version    one word for the source: 1.4.2, 1.4.2-3-g<12 digits>, …-dirty
#   sh scripts/image-tags.sh pushable   fails, and says why, when the image must not leave this machine
set -eu
export LC_ALL=C GIT_OPTIONAL_LOCKS=0

say() { echo "image-tags: $*" >&2; }

commit=$(git rev-parse --verify --quiet HEAD) || { say "no git commit here" && exit 1; }
directory=$(git rev-parse --show-prefix) # "svc/" in the directory svc
dirty=
[ -z "$(git status --porcelain)" ] || dirty=-dirty

# Is $1 a release of what lies here: v1.4.2, or svc/v1.4.2 in the directory svc? Sets prefix and version.
number='(0|[1-9][0-9]*)'
release() {
  last=${1##*/}
  prefix=${1%"$last"} version=${last#v}
  case /$directory in */"$prefix") ;; *) return 1 ;; esac
  [ "v$version" = "$last" ] && [ ${#last} -le 100 ] &&
    echo "$version" | grep -Eq "^$number\.$number\.$number(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$"
}

# What is built? CI says it in variables, for its checkout is on no branch. Elsewhere git knows.
request='' tag='' branch=''
case ${GITHUB_REF:-} in
  refs/pull/*) request=${GITHUB_REF#refs/pull/} && request=${request%%/*} ;;
  refs/tags/*) tag=${GITHUB_REF#refs/tags/} ;;
  refs/heads/*) branch=${GITHUB_REF#refs/heads/} ;;
  *) request=${CI_MERGE_REQUEST_IID:-} tag=${CI_COMMIT_TAG:-} branch=${CI_COMMIT_BRANCH:-} ;;
esac
# This event has the base branch's ref and rights, for code that may be anyone's.
[ "${GITHUB_EVENT_NAME:-}" != pull_request_target ] || request=target

if [ -z "$request$tag$branch" ]; then
  branch=$(git symbolic-ref --quiet HEAD) || branch=
  branch=${branch#refs/heads/}
  # The highest release on this commit: a directory's own tag comes before the repository's.
  longest=
  for one in $(git -c versionsort.suffix=- -c versionsort.suffix=+ tag --points-at HEAD --sort=-v:refname); do
    release "$one" || continue
    [ -n "$tag" ] && [ ${#prefix} -le ${#longest} ] || { tag=$one && longest=$prefix; }
  done
fi

is_default_branch() {
  default=${DEFAULT_BRANCH:-${CI_DEFAULT_BRANCH:-$(git symbolic-ref --quiet refs/remotes/origin/HEAD || :)}}
  case ${default#refs/remotes/origin/} in
    '') [ "$branch" = main ] || [ "$branch" = master ] ;;
    "$branch") ;;
    *) return 1 ;;
  esac
}

# A legal tag ([A-Za-z0-9_][A-Za-z0-9._-]{0,127}) for any name. What had to be changed, or looks like a tag
# of another kind, ends in git's hash of the name: so no branch takes the place of a release.
legal() {
  word=$(printf %s "$1" | sed -e 's/[^A-Za-z0-9._-][^A-Za-z0-9._-]*/-/g' -e 's/^[.-]*//' | cut -c1-100)
  if [ "$word" = "$1" ] &&
    ! echo "$word" | grep -Eq '^(latest$|edge$|sha-|pr-|[0-9])|-dirty$|-[0-9a-f]{8}$'; then
    echo "$word"
  else
    echo "${word:-branch}-$(printf %s "$1" | git hash-object --stdin | cut -c1-8)"
  fi
}

# The highest release that begins with $1: building an old one again moves no tag back.
newest() {
  { echo "v$version" && git for-each-ref --format='%(refname:lstrip=-1)' "refs/tags/${prefix}v*"; } |
    grep -E "^v$number\.$number\.$number$" | cut -c2- | awk -v start="$1" 'substr($0, 1, length(start)) == start' |
    sort -t. -k1,1n -k2,2n -k3,3n | tail -n 1
}

released() {
  echo "$version" | tr + _ # no "+" in a tag; Helm writes it so, too
  case $version$dirty in *[-+]*) return ;; esac
  if [ "$(git rev-parse --is-shallow-repository)" = true ]; then
    say "a shallow clone does not know whether $version is the newest: fetch all of it for 1.4, 1 and latest"
    return
  fi
  minor=${version%.*}
  major=${version%%.*}
  [ "$(newest "$minor.")" != "$version" ] || echo "$minor"
  # 0.x promises nothing from one minor to the next: no tag "0".
  [ "$major" = 0 ] || [ "$(newest "$major.")" != "$version" ] || echo "$major"
  [ "$(newest '')" != "$version" ] || echo latest
}

tags() {
  if [ -n "$request" ]; then
    echo "pr-$request"
  elif [ -n "$tag" ]; then
    if release "$tag"; then released; else legal "$tag"; fi
  elif [ -n "$branch" ] && ! is_default_branch; then
    legal "$branch"
  else
    [ -z "$branch" ] || echo edge
    echo "sha-$(echo "$commit" | cut -c1-12)"
  fi
}

source_version() {
  if [ -z "$request" ] && [ -n "$tag" ] && release "$tag"; then
    echo "$version" | tr + _
  else
    git describe --tags --always --abbrev=12 --match 'v[0-9]*' --match "${directory}v[0-9]*" |
      sed -e 's,.*/,,' -e 's/^v//' -e 's/[^A-Za-z0-9._-]/_/g' | cut -c1-100
  fi
}

case ${1:-tags} in
  tags) list=$(tags) && echo "$list" | sed "s/\$/$dirty/" ;;
  version) echo "$(source_version)$dirty" ;;
  pushable)
    [ -z "$dirty" ] || { say "there are changed files: git status" && exit 1; }
    [ -z "$request" ] || { say "a pull request is built, not pushed" && exit 1; }
    ;;
  *) say "takes tags, version or pushable" && exit 2 ;;
esac
