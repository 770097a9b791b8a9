/* Mode `quota`: the project of a directory, and the bounds of a project (quotactl(2), ioctl_xfs_fsgetxattr(2)).
 *   probe DIR                        status 0: bounds of projects hold on its file system
 *   show DIR                         PROJECT BYTES BYTES_BOUND INODES INODES_BOUND of its project; 0: not bounded, or none
 *   assign DIR PROJECT               of all that is in it, and of what will be made there
 *   bound DIR PROJECT BYTES INODES   0: not bounded */
#ifndef TSZONE_QUOTA_H
#define TSZONE_QUOTA_H

int quota_main(int argc, char **argv);

#endif
