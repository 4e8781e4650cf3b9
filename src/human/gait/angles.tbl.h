/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Joint angles. ANGLE(id, name, 1 for a middle one or 2 for left and right, what is positive). The first group by ISB's convention
 * (Grood and Suntay 1983, Wu et al. 2002 and 2005: Cardan Z-X-Y, flexion first), then angles of segments in the world, then the simple angles
 * between three points. */
ANGLE(PELVIS_LIST, "pelvis_list", 1, "right side down")
ANGLE(PELVIS_ROTATION, "pelvis_rotation", 1, "right hip forward (to the left)")
ANGLE(TRUNK_LEAN, "trunk_lean", 1, "forward")
ANGLE(TRUNK_BEND, "trunk_bend", 1, "to the right")
ANGLE(TRUNK_ROTATION, "trunk_rotation", 1, "right shoulder forward of the pelvis (to the left)")
ANGLE(HIP_FLEXION, "hip_flexion", 2, "flexion")
ANGLE(HIP_ADDUCTION, "hip_adduction", 2, "adduction")
ANGLE(HIP_ROTATION, "hip_rotation", 2, "internal rotation")
ANGLE(KNEE_FLEXION, "knee_flexion", 2, "flexion")
ANGLE(ANKLE_DORSIFLEXION, "ankle_dorsiflexion", 2, "dorsiflexion")
ANGLE(SHOULDER_FLEXION, "shoulder_flexion", 2, "flexion")
ANGLE(SHOULDER_ADDUCTION, "shoulder_adduction", 2, "adduction")
ANGLE(ELBOW_FLEXION, "elbow_flexion", 2, "flexion")
ANGLE(THIGH, "thigh", 2, "knee in front of the hip; 0 hangs down")
ANGLE(SHANK, "shank", 2, "knee in front of the ankle; 0 upright")
ANGLE(FOOT, "foot", 2, "toes up; 0 level")
ANGLE(HIP_SIMPLE, "hip_simple", 2, "shoulder, hip, knee: 180 straight")
ANGLE(KNEE_SIMPLE, "knee_simple", 2, "hip, knee, ankle: 180 straight")
ANGLE(ANKLE_SIMPLE, "ankle_simple", 2, "knee, ankle, big toe: 90 standing")
ANGLE(ELBOW_SIMPLE, "elbow_simple", 2, "shoulder, elbow, wrist: 180 straight")
